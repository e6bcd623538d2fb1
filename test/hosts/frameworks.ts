/**
 * The package in applications: each is written into a folder of its own, built as its users would build it, and run
 * where they would run it. What npm cannot install is skipped by name.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "puppeteer-core";
import { Absent, execute, FOLDER, findProgram, needPackage } from "./host.js";
import type { Step, Workspace } from "./workspace.js";

/** What a page or program of these applications says when all is well: pixels of masks, threads. */
const IMAGE = "{ data: new Uint8ClampedArray(64 * 48 * 4), width: 64, height: 48 }";

/** A page that segments in the page and in a worker, with the shipped model, and shows what came of it. */
const PAGE_SCRIPT = `
import { Segmenter } from "attendseg";
import { AsyncSegmenter } from "attendseg/browser";
import model from "attendseg/models/attendseg-camvid-tiny";
const out = [];
const attempt = async (what) => { try { out.push(await what()); } catch (error) { out.push(error.name + ": " + error.message); } };
await attempt(async () => (await Segmenter.load(model)).segment(${IMAGE}).mask.length);
await attempt(async () => (await (await AsyncSegmenter.load(model)).segmentAsync(${IMAGE})).mask.length);
await attempt(async () => (await AsyncSegmenter.load(model, { threads: 2 })).info.threads);
await attempt(async () => { const { info } = await Segmenter.load(model, { threads: 2 }); return info.noThreads ?? info.threads; });
document.title = "done: " + out.join(", ");
`;
const PAGE_ANSWER = "done: 3072, 3072, 2, 2";
const PAGE = '<!doctype html><title>waits</title><script type="module" src="./main.js"></script>';

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** A folder with tools and the package beside them, emptied of what the last run wrote. */
async function makeApp(
  workspace: Workspace,
  name: string,
  specs: readonly string[],
  file: string,
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  await needPackage(name, specs, file);
  const folder = join(FOLDER, name);
  for (const entry of readdirSync(folder)) {
    if (entry !== "node_modules") rmSync(join(folder, entry), { recursive: true });
  }
  const installed = join(folder, "node_modules/attendseg");
  rmSync(installed, { recursive: true, force: true });
  cpSync(workspace.library, installed, { recursive: true });
  for (const [path, text] of Object.entries({ "package.json": '{ "private": true }', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** Path of a file that is looked for as a program in the folder would. */
const toolOf = (folder: string, file: string) => join(folder, "node_modules", file);

const node = (folder: string, ...words: string[]) => execute(process.execPath, words, folder);

// biome-ignore lint/suspicious/noExplicitAny: tools are installed on demand, so their types are not there
const load = (folder: string, name: string): Promise<any> =>
  import(pathToFileURL(createRequire(join(folder, "package.json")).resolve(name)).href);

/** Serves a folder with the headers that allow threads and opens it in Chromium, until its title is the answer. */
async function openFolder(folder: string): Promise<string> {
  const server = createServer((request, response) => {
    const path = new URL(request.url!, "http://localhost").pathname;
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    const headers = {
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    };
    if (existsSync(file)) response.writeHead(200, headers).end(readFileSync(file));
    else response.writeHead(404, headers).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    return await openPage(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Opens a page in Chromium until its title is the answer. */
async function openPage(address: string): Promise<string> {
  const program = findProgram("chromium");
  if (!program) return "built; not run, there is no chromium";
  const flags = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-sync"];
  const browser = await launch({ executablePath: program, headless: true, args: flags });
  try {
    const page = await browser.newPage();
    const said: string[] = [];
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("requestfailed", (request) => said.push(`failed ${request.url()}`));
    await page.goto(address);
    for (const end = Date.now() + 60_000; Date.now() < end; ) {
      const title = await page.title();
      if (title === PAGE_ANSWER) return "page, worker and threads run in Chromium";
      if (title.startsWith("done")) throw new Error(`${title} ${said.join(" | ")}`);
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`the page says nothing: ${said.join(" | ")}`);
  } finally {
    await browser.close();
  }
}

const OUT = "out";

function vite(major: number): Step {
  return {
    name: `vite-${major}`,
    async run(workspace) {
      const name = major === 8 ? "tools" : `vite-${major}`;
      const specs = major === 8 ? ["vite@8", "webpack@5", "@arethetypeswrong/cli@0.18"] : [`vite@${major}`];
      const config = `export default { build: { target: "es2022", outDir: "${OUT}" }, optimizeDeps: { exclude: ["attendseg"] },
        server: { host: "127.0.0.1", headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" } } };`;
      const files = { "index.html": PAGE, "main.js": PAGE_SCRIPT, "vite.config.mjs": config };
      const folder = await makeApp(workspace, name, specs, "vite/package.json", files);
      await node(folder, toolOf(folder, "vite/bin/vite.js"), "build", "--logLevel", "error");
      const built = await openFolder(join(folder, OUT));
      const { createServer: createVite } = await import(
        pathToFileURL(toolOf(folder, "vite/dist/node/index.js")).href
      );
      const server = await createVite({ root: folder, logLevel: "error", server: { port: 0 } });
      await server.listen();
      try {
        await openPage(`http://127.0.0.1:${server.httpServer.address().port}/`);
      } finally {
        await server.close();
        // Vite sets it, and Next.js minds it
        delete process.env.NODE_ENV;
      }
      return `build and development server: ${built}`;
    },
  };
}

/** Rollup and esbuild leave the addresses of workers as they are: copied beside the bundle, they are found. */
function copyWorkers(workspace: Workspace, folder: string): void {
  for (const name of ["worker.js", "thread.js", "threads.js"])
    cpSync(join(workspace.library, "dist", name), join(folder, name));
}

export const FRAMEWORKS: readonly Step[] = [
  ...[5, 6, 7, 8].map(vite),
  {
    name: "webpack-page",
    async run(workspace) {
      const config = `export default { mode: "production", entry: "./main.js", target: ["web", "es2022"], performance: { hints: false },
        experiments: { outputModule: true }, output: { module: true, path: import.meta.dirname + "/${OUT}", filename: "main.js" } };`;
      const files = { "main.js": PAGE_SCRIPT, "webpack.config.mjs": config };
      const folder = await makeApp(
        workspace,
        "tools",
        ["vite@8", "webpack@5", "@arethetypeswrong/cli@0.18"],
        "webpack/package.json",
        files,
      );
      const { default: webpack } = await load(folder, "webpack");
      const { default: options } = await import(pathToFileURL(join(folder, "webpack.config.mjs")).href);
      await compile(webpack({ context: folder, ...options }));
      writeFileSync(join(folder, OUT, "index.html"), PAGE);
      return openFolder(join(folder, OUT));
    },
  },
  {
    name: "rspack",
    async run(workspace) {
      const files = { "main.js": PAGE_SCRIPT };
      const folder = await makeApp(
        workspace,
        "rspack",
        ["@rspack/core@1"],
        "@rspack/core/package.json",
        files,
      );
      const { rspack } = createRequire(join(folder, "package.json"))("@rspack/core");
      const output = { module: true, path: join(folder, OUT), filename: "main.js" };
      const options = { mode: "production", entry: "./main.js", target: ["web", "es2022"], output };
      await compile(rspack({ context: folder, experiments: { outputModule: true }, ...options }));
      writeFileSync(join(folder, OUT, "index.html"), PAGE);
      return openFolder(join(folder, OUT));
    },
  },
  {
    name: "rollup",
    async run(workspace) {
      const specs = ["rollup@4", "@rollup/plugin-node-resolve@16"];
      const files = { "main.js": PAGE_SCRIPT };
      const folder = await makeApp(workspace, "rollup", specs, "rollup/package.json", files);
      const { rollup } = await load(folder, "rollup");
      const { nodeResolve } = await load(folder, "@rollup/plugin-node-resolve");
      const plugins = [nodeResolve({ browser: true })];
      const bundle = await rollup({ input: join(folder, "main.js"), plugins });
      await bundle.write({ dir: join(folder, OUT), format: "es" });
      await bundle.close();
      copyWorkers(workspace, join(folder, OUT));
      writeFileSync(join(folder, OUT, "index.html"), PAGE);
      return openFolder(join(folder, OUT));
    },
  },
  {
    name: "esbuild-page",
    async run(workspace) {
      const folder = join(workspace.folder, "esbuild-page");
      const { build } = await import("esbuild");
      const entry = workspace.write("page-main.js", PAGE_SCRIPT);
      const options = { bundle: true, format: "esm", target: "es2022", logLevel: "error" } as const;
      await build({ ...options, entryPoints: [entry], outfile: join(folder, "main.js") });
      copyWorkers(workspace, folder);
      writeFileSync(join(folder, "index.html"), PAGE);
      return openFolder(folder);
    },
  },
  {
    name: "parcel",
    async run(workspace) {
      const files = { "index.html": PAGE, "main.js": PAGE_SCRIPT };
      const folder = await makeApp(workspace, "parcel", ["parcel@2"], "parcel/package.json", files);
      const words = ["build", "index.html", "--dist-dir", OUT, "--no-cache", "--log-level", "error"];
      await node(folder, toolOf(folder, "parcel/lib/bin.js"), ...words);
      return openFolder(join(folder, OUT));
    },
  },
  {
    name: "next",
    async run(workspace) {
      const route = `import { Segmenter } from "attendseg";
        import model from "attendseg/models/attendseg-camvid-tiny";
        export const dynamic = "force-dynamic";
        export async function GET() { const s = await Segmenter.load(model); return Response.json(s.segment({ data: new Uint8Array(64 * 48 * 3), width: 64, height: 48 }).mask.length); }`;
      const client = `"use client"; import { useEffect } from "react"; export default function Page() { useEffect(() => { import("./main.js"); }, []); return null; }`;
      const layout =
        "export default function Layout({ children }) { return <html><body>{children}</body></html>; }";
      const headers = `[{ source: "/:path*", headers: [{ key: "Cross-Origin-Opener-Policy", value: "same-origin" }, { key: "Cross-Origin-Embedder-Policy", value: "require-corp" }] }]`;
      const files = {
        "app/layout.jsx": layout,
        "app/page.jsx": client,
        "app/main.js": PAGE_SCRIPT,
        "app/server/route.js": route,
        "next.config.mjs": `export default { async headers() { return ${headers}; } };`,
      };
      const specs = ["next@16", "react@19", "react-dom@19"];
      const results: string[] = [];
      for (const bundler of ["--turbopack", "--webpack"]) {
        const folder = await makeApp(workspace, "next", specs, "next/package.json", files);
        const next = toolOf(folder, "next/dist/bin/next");
        await execute(process.execPath, [next, "build", bundler], folder);
        results.push(`${bundler.slice(2)}: ${await startNext(folder, next)}`);
      }
      return results.join("; ");
    },
  },
  {
    name: "sveltekit",
    async run(workspace) {
      const specs = [
        "@sveltejs/kit@2",
        "@sveltejs/adapter-static@3",
        "@sveltejs/vite-plugin-svelte@6",
        "svelte@5",
        "vite@7",
      ];
      const files = {
        "package.json": '{ "private": true, "type": "module" }',
        "svelte.config.js":
          'import adapter from "@sveltejs/adapter-static"; export default { kit: { adapter: adapter() } };',
        "vite.config.js":
          'import { sveltekit } from "@sveltejs/kit/vite"; export default { plugins: [sveltekit()], build: { target: "es2022" } };',
        "src/app.html":
          "<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>",
        "src/routes/+page.js": "export const prerender = true;",
        "src/routes/+page.svelte":
          '<script>import { onMount } from "svelte"; onMount(() => import("../main.js"));</script>',
        "src/main.js": PAGE_SCRIPT,
      };
      const folder = await makeApp(workspace, "sveltekit", specs, "@sveltejs/kit/package.json", files);
      await node(folder, toolOf(folder, "vite/bin/vite.js"), "build", "--logLevel", "error");
      return openFolder(join(folder, "build"));
    },
  },
  { name: "angular", run: buildAngular },
  {
    name: "jest",
    async run(workspace) {
      const body = `test("segments", async () => {
        const segmenter = await Segmenter.load(model, { threads: 2 });
        expect(segmenter.segment({ data: Buffer.alloc(64 * 48 * 3), width: 64, height: 48 }).mask.length).toBe(3072);
        segmenter.dispose();
      });`;
      const commonjs = `const { Segmenter } = require("attendseg"); const model = require("attendseg/models/attendseg-camvid-tiny"); ${body}`;
      const module = `import { Segmenter } from "attendseg"; import model from "attendseg/models/attendseg-camvid-tiny"; ${body}`;
      const files = { "commonjs.test.js": commonjs, "module.test.mjs": module };
      const specs = ["jest@30", "jest-environment-jsdom@30"];
      const folder = await makeApp(workspace, "jest", specs, "jest/package.json", files);
      const jest = toolOf(folder, "jest/bin/jest.js");
      for (const environment of ["node", "jsdom"]) {
        const words = ["--ci", "--env", environment];
        await node(folder, jest, ...words, "commonjs");
        const match = ["--testMatch", "**/module.test.mjs"];
        await node(folder, "--experimental-vm-modules", jest, ...words, ...match);
      }
      return "CommonJS and modules, in node and jsdom";
    },
  },
  {
    name: "vitest",
    async run(workspace) {
      const text = `import { readFileSync } from "node:fs"; import { createRequire } from "node:module"; import { expect, test } from "vitest";
        import { Segmenter } from "attendseg"; import model from "attendseg/models/attendseg-camvid-tiny";
        const path = createRequire(import.meta.url).resolve("attendseg/models/attendseg-camvid-tiny.aseg");
        test("Buffer as model and as picture", async () => {
          for (const source of [readFileSync(path), model]) {
            const segmenter = await Segmenter.load(source);
            expect(segmenter.segment({ data: Buffer.alloc(64 * 48 * 3), width: 64, height: 48 }).mask.length).toBe(3072);
          }
        });
        test("a path", async () => expect((await Segmenter.load(path)).classes.length).toBe(32));`;
      const files = { "case.test.mjs": text, "vitest.config.mjs": "export default {};" };
      const specs = ["vitest@4", "jsdom", "happy-dom"];
      const folder = await makeApp(workspace, "vitest", specs, "vitest/package.json", files);
      for (const environment of ["node", "jsdom", "happy-dom"]) {
        await node(folder, toolOf(folder, "vitest/vitest.mjs"), "run", "--environment", environment);
      }
      return "node, jsdom and happy-dom";
    },
  },
  {
    name: "vue",
    async run(workspace) {
      const text = `import { reactive, ref } from "vue"; import { Segmenter } from "attendseg"; import model from "attendseg/models/attendseg-camvid-tiny";
        const image = { data: new Uint8Array(64 * 48 * 3), width: 64, height: 48 };
        const inRef = ref(); inRef.value = await Segmenter.load(model);
        const state = reactive({ segmenter: await Segmenter.load(model) });
        console.log(inRef.value.segment(image).mask.length + state.segmenter.segment(image).mask.length);`;
      const folder = await makeApp(workspace, "vue", ["vue@3"], "vue/package.json", { "main.mjs": text });
      if ((await node(folder, "main.mjs")).trim() !== "6144") throw new Error("wrong masks");
      return "in ref and reactive";
    },
  },
  { name: "metro", run: runMetro },
  { name: "compilers", run: checkCompilers },
];

/** Runs a compiler of webpack's kind. */
// biome-ignore lint/suspicious/noExplicitAny: tools are installed on demand, so their types are not there
function compile(compiler: any): Promise<void> {
  return new Promise((done, fail) => {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    compiler.run((error: Error | null, stats: any) => {
      if (error) fail(error);
      else if (stats.hasErrors()) fail(new Error(stats.toString("errors-only").slice(0, 600)));
      else compiler.close(() => done());
    });
  });
}

/** Starts the server of a built Next.js application, asks its route and opens its page. */
async function startNext(folder: string, next: string): Promise<string> {
  const { spawn } = await import("node:child_process");
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const child = spawn(process.execPath, [next, "start", "-p", String(port), "-H", "127.0.0.1"], {
    cwd: folder,
    stdio: "ignore",
  });
  try {
    const address = `http://127.0.0.1:${port}/`;
    let answer = "";
    for (const end = Date.now() + 60_000; !answer && Date.now() < end; ) {
      await new Promise((done) => setTimeout(done, 300));
      answer = await fetch(`${address}server`).then(
        (response) => response.text(),
        () => "",
      );
    }
    if (answer !== "3072") throw new Error(`the route says ${answer.slice(0, 300)}`);
    return await openPage(address);
  } finally {
    child.kill();
  }
}

async function buildAngular(workspace: Workspace): Promise<string> {
  const packages = ["build", "cli", "common", "compiler", "compiler-cli", "core", "platform-browser"];
  const specs = [
    ...packages.map((name) => `@angular/${name}@20`),
    "rxjs",
    "tslib",
    "typescript@~5.9",
    "--legacy-peer-deps",
  ];
  const workers = { glob: "{worker,thread,threads}.js", input: "node_modules/attendseg/dist", output: "/" };
  const options = {
    outputPath: OUT,
    index: "src/index.html",
    browser: "src/main.ts",
    tsConfig: "tsconfig.json",
    assets: [workers],
    outputHashing: "none",
    progress: false,
  };
  const project = {
    projectType: "application",
    root: "",
    sourceRoot: "src",
    architect: { build: { builder: "@angular/build:application", options } },
  };
  const compilerOptions = {
    target: "es2022",
    module: "esnext",
    moduleResolution: "bundler",
    lib: ["es2022", "dom"],
    types: [],
    strict: true,
    skipLibCheck: true,
  };
  const files = {
    "angular.json": JSON.stringify({ version: 1, cli: { analytics: false }, projects: { app: project } }),
    "tsconfig.json": JSON.stringify({ compilerOptions, files: ["src/main.ts"] }),
    "src/index.html":
      '<!doctype html><html><head><base href="/"><title>waits</title></head><body></body></html>',
    "src/main.ts": `const go = async () => {${PAGE_SCRIPT.replace(/import (.*) from (".*");/g, "")
      .replace("[]", "[] as unknown[]")
      .replace("(what)", "(what: () => Promise<unknown>)")
      .replace(/catch \(error\)/, "catch (error: any)")}};
      ${[...PAGE_SCRIPT.matchAll(/import .*;/g)].join("\n")}
      void go();`,
  };
  const folder = await makeApp(workspace, "angular-20", specs, "@angular/cli/package.json", files);
  await execute(process.execPath, [toolOf(folder, "@angular/cli/bin/ng.js"), "build"], folder);
  return openFolder(join(folder, OUT, "browser"));
}

/** Bundled as an application of React Native is, for Hermes, and run by it. */
async function runMetro(workspace: Workspace): Promise<string> {
  const specs = [
    "metro@0.87",
    "metro-config@0.87",
    "@react-native/babel-preset",
    "@react-native/metro-babel-transformer",
    "@babel/core",
    "hermes-engine-cli",
  ];
  const files = {
    "babel.config.js": 'module.exports = { presets: ["module:@react-native/babel-preset"] };',
    "metro.config.js": `const { getDefaultConfig, mergeConfig } = require("metro-config");
      module.exports = (async () => mergeConfig(await getDefaultConfig(__dirname), { projectRoot: __dirname,
        transformer: { babelTransformerPath: require.resolve("@react-native/metro-babel-transformer") },
        resolver: { unstable_enablePackageExports: true, unstable_conditionNames: ["require", "react-native"], useWatchman: false } }))();`,
    "main.js": `import { Segmenter } from "attendseg"; import model from "attendseg/models/attendseg-camvid-tiny";
      Segmenter.load(model).then((segmenter) => print(segmenter.variant + " " + segmenter.segment({ data: new Uint8Array(64 * 48 * 3), width: 64, height: 48 }).mask.length),
        (error) => print(error.name + ": " + error.message));`,
  };
  const folder = await makeApp(workspace, "metro", specs, "metro/package.json", files);
  const words = [
    "build",
    "main.js",
    "--out",
    join(folder, "bundle.js"),
    "--platform",
    "ios",
    "--dev",
    "false",
    "--config",
    "metro.config.js",
  ];
  const log = await execute(process.execPath, [toolOf(folder, "metro/src/cli.js"), ...words], folder);
  if (/WARN.*attendseg/.test(log)) throw new Error(log.slice(0, 600));
  const hermes = toolOf(folder, "hermes-engine-cli/linux64-bin/hermes");
  if (!existsSync(hermes)) throw new Absent("hermes-engine-cli has no program for this machine");
  const said = await execute(hermes, ["-O", join(folder, "bundle.js")], folder);
  if (said.trim() !== "javascript 3072") throw new Error(said.slice(0, 300));
  return "bundled by Metro, run by Hermes";
}

/** Programs without the types of pages, for workers and for older compilers, every declaration checked. */
async function checkCompilers(workspace: Workspace): Promise<string> {
  const core = `import { Segmenter, overlay, type Image, type LoadOptions } from "attendseg";
    import { SegmenterPool } from "attendseg/pool";
    import model from "attendseg/models/attendseg-camvid";
    const image: Image = { data: new Uint8Array(3), width: 1, height: 1 };
    const options: LoadOptions = { threads: undefined };
    export const run = async () => { const s = await Segmenter.load(model, options); return overlay(image, s.segment(image).mask, s.palette); };
    export const pool = () => SegmenterPool.load(model);`;
  const worker = `import { AsyncSegmenter, MaskPainter, segmentStream, type Frame } from "attendseg/browser";
    export async function run(bitmap: ImageBitmap, canvas: OffscreenCanvas, frames: ReadableStream<Frame>, signal?: AbortSignal) {
      const segmenter = await AsyncSegmenter.load("x", { signal });
      new MaskPainter(canvas, segmenter.palette).paint(await segmenter.segmentAsync(bitmap, { signal }));
      for await (const { mask } of segmentStream(segmenter, frames)) return mask;
    }`;
  const common = `import { Segmenter } from "attendseg"; import model = require("attendseg/models/attendseg-camvid-tiny"); export const load = () => Segmenter.load(model);`;
  const none = { target: "es2022", strict: true, noEmit: true, skipLibCheck: false, types: [] };
  const bundled = { ...none, module: "esnext", moduleResolution: "bundler" };
  const nodeOnly = { ...none, module: "nodenext", moduleResolution: "nodenext", lib: ["es2022"] };
  const pages = { ...bundled, lib: ["es2022", "dom"], exactOptionalPropertyTypes: true };
  const config = (compilerOptions: object, ...names: string[]) =>
    JSON.stringify({ compilerOptions, files: names });
  const configs = {
    "node.json": config(nodeOnly, "core.mts", "common.cts"),
    "worker.json": config({ ...bundled, lib: ["es2022", "webworker"] }, "core.mts", "worker.mts"),
    "page.json": config(pages, "core.mts", "worker.mts"),
  };
  const files = { "core.mts": core, "worker.mts": worker, "common.cts": common, ...configs };
  for (const version of ["5.4", "5.9", "6.0"]) {
    const specs = [`typescript@~${version}`];
    const folder = await makeApp(workspace, `typescript-${version}`, specs, "typescript/package.json", files);
    for (const name of Object.keys(configs)) {
      await node(folder, toolOf(folder, "typescript/bin/tsc"), "-p", name);
    }
  }
  return "TypeScript 5.4, 5.9 and 6.0, without DOM, for workers, exactOptionalPropertyTypes";
}
