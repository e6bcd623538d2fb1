/** Ways to use the package without bundling it, and what checkers say of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execute } from "./host.js";
import { needBun, needDeno } from "./runtimes.js";
import { MODEL, needTools, ownTool, type Step, type Workspace } from "./workspace.js";

const node = (args: readonly string[], { folder }: Workspace) => execute(process.execPath, args, folder);

const CONSUMER_CONFIG = {
  strict: true,
  noEmit: true,
  target: "es2022",
  lib: ["es2022", "dom", "dom.iterable"],
  types: [],
  skipLibCheck: false,
};

export const CONSUMERS: readonly Step[] = [
  { name: "node-import", run: async (workspace) => workspace.check(await node(["main.js"], workspace)) },
  { name: "node-url", run: async (workspace) => workspace.check(await node(["url.js"], workspace)) },
  {
    name: "node-require",
    async run(workspace) {
      workspace.write(
        "require.cjs",
        `const { Segmenter } = require("attendseg");
const { probe } = require("./probe.js");
const jobs = require("./jobs.js").default;
probe(jobs, [{ name: "simd", load: Segmenter.load }]).then((hashes) => console.log(JSON.stringify(hashes)));
`,
      );
      return workspace.check(await node(["require.cjs"], workspace));
    },
  },
  {
    name: "node-javascript",
    async run(workspace) {
      workspace.write(
        "javascript.js",
        `delete globalThis.WebAssembly;
const { Segmenter } = await import("attendseg/js");
const { probe } = await import("./probe.js");
const { default: jobs } = await import("./jobs.js");
console.log(JSON.stringify(await probe(jobs, [{ name: "javascript", load: Segmenter.load }])));
`,
      );
      return workspace.check(await node(["javascript.js"], workspace));
    },
  },
  { name: "files", run: useFiles },
  {
    name: "deno",
    async run(workspace) {
      const deno = await needDeno();
      const run = (name: string) => execute(deno, ["run", "--quiet", "--allow-read", name], workspace.folder);
      return `${workspace.check(await run("main.js"))}, ${workspace.check(await run("url.js"))}`;
    },
  },
  {
    name: "bun",
    async run(workspace) {
      const bun = await needBun();
      const run = (name: string) => execute(bun, ["run", name], workspace.folder);
      return `${workspace.check(await run("main.js"))}, ${workspace.check(await run("url.js"))}`;
    },
  },
  { name: "types", run: checkTypes },
  {
    name: "publint",
    async run({ tarball, folder }) {
      const output = await execute(
        process.execPath,
        [ownTool("publint/src/cli.js"), tarball, "--strict"],
        folder,
      );
      return output.trim().split("\n").at(-1)!;
    },
  },
  {
    name: "attw",
    async run({ tarball, folder }) {
      const attw = await needTools("@arethetypeswrong/cli/dist/index.js");
      await execute(process.execPath, [attw, tarball, "--profile", "esm-only", "--format", "ascii"], folder);
      return "no problems in the profile esm-only";
    },
  },
];

/** The model by URL and by path, its metadata, the engine's files, and a message for a file that is not there. */
async function useFiles(workspace: Workspace): Promise<string> {
  const { hasModel } = workspace;
  const model = hasModel ? `"attendseg/models/${MODEL}"` : "undefined";
  workspace.write(
    "files.js",
    `import { ok, rejects } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Segmenter } from "attendseg";
const module = await WebAssembly.compile(await readFile(new URL(import.meta.resolve("attendseg/engine/simd.wasm"))));
ok(WebAssembly.Module.exports(module).some(({ name }) => name === "run"));
await rejects(Segmenter.load("none.aseg"), /cannot fetch none.aseg: .*no such file/);
if (${model}) {
  const url = import.meta.resolve(${model});
  const byAddress = await Segmenter.load(url, { module });
  const byUrl = await Segmenter.load(new URL(url));
  const byPath = await Segmenter.load(fileURLToPath(url));
  ok(byAddress.classes.length > 1 && byUrl.classes.length > 1 && byPath.classes.length > 1);
}
`,
  );
  await node(["files.js"], workspace);
  return hasModel ? "model by address, URL and path; engine" : "engine (no model yet)";
}

/** A strict TypeScript program that imports every subpath which is code, for both ways of resolution. */
async function checkTypes(workspace: Workspace): Promise<string> {
  const { library, write, folder } = workspace;
  const { exports } = JSON.parse(readFileSync(join(library, "package.json"), "utf8"));
  const paths = Object.keys(exports).filter((path) => exports[path].types);
  const imports = paths.map(
    (path, index) => `import * as m${index} from "${path.replace(".", "attendseg")}";`,
  );
  write(
    "types.ts",
    `${imports.join("\n")}
import { Segmenter, type Segmentation } from "attendseg";
const segmenter: Segmenter = await Segmenter.load(new Uint8Array(0), { variant: "scalar" });
const result: Segmentation = segmenter.segment({ data: new Uint8Array(3), width: 1, height: 1 });
export const mask: Uint8Array = result.mask;
export const all = [${paths.map((_, index) => `m${index}`).join(", ")}];
`,
  );
  for (const [module, moduleResolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ]) {
    const compilerOptions = { ...CONSUMER_CONFIG, module, moduleResolution };
    write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["types.ts"] }));
    await execute(process.execPath, [ownTool("typescript/bin/tsc"), "-p", "."], folder);
  }
  return `${paths.join(" ")} with nodenext and bundler`;
}
