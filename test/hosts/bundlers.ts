/** The package inside bundles: for pages (run from a server, by Deno, which loads modules by URL), for the edge. */
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, extname, join, resolve } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { execute } from "./host.js";
import { needBun, needDeno, needWorkerd, runWorkerd, workerdSource } from "./runtimes.js";
import { importTool, type Step, type Workspace } from "./workspace.js";

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** The programs of the workspace, once for each way that the engine comes. */
const PROGRAMS = ["main", "url"];

/** Both programs, bundled by `bundle` into a folder each as main.js, and run from a server. */
async function bundleBoth(
  workspace: Workspace,
  name: string,
  bundle: (program: string, folder: string) => Promise<void>,
): Promise<string> {
  const results: string[] = [];
  for (const program of PROGRAMS) {
    const folder = join(workspace.folder, `${name}-${program}`);
    mkdirSync(folder);
    await bundle(program, folder);
    results.push(workspace.check(await runFromServer(folder)));
  }
  return results.join(", ");
}

/** Runs main.js of a folder as a page would: loaded by URL, everything else fetched. */
async function runFromServer(folder: string, types = TYPES): Promise<string> {
  const server = createServer((request, response) => {
    const path = join(folder, new URL(request.url!, "http://localhost").pathname);
    try {
      const body = readFileSync(path);
      response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404);
      response.end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    // Deno keeps what it loads, and the next server may get the same port
    const args = [
      "run",
      "--quiet",
      "--no-config",
      "--reload",
      `--allow-net=${host}`,
      `http://${host}/main.js`,
    ];
    return await execute(await needDeno(), args, folder);
  } finally {
    server.close();
  }
}

function esbuild(workspace: Workspace, program: string, outfile: string, options: BuildOptions = {}) {
  return build({
    entryPoints: [join(workspace.folder, program)],
    absWorkingDir: workspace.folder,
    outfile,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    logLevel: "error",
    ...options,
  });
}

/** What a host of the edge does with `import module from "x.wasm?module"`. */
const edgeModules: Plugin = {
  name: "edge-modules",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => {
      return { path: resolve(resolveDir, path.replace("?module", "")), namespace: "edge" };
    });
    onLoad({ filter: /.*/, namespace: "edge" }, ({ path }) => {
      const base64 = readFileSync(path, "base64");
      return { contents: `export default new WebAssembly.Module(Buffer.from("${base64}", "base64"));` };
    });
  },
};

export const BUNDLERS: readonly Step[] = [
  {
    name: "esbuild",
    run: (workspace) =>
      bundleBoth(workspace, "esbuild", async (program, folder) => {
        await esbuild(workspace, `${program}.js`, join(folder, "main.js"));
        // esbuild leaves the engine's addresses alone: its files must be copied beside the bundle
        if (program === "url")
          cpSync(join(workspace.library, "dist/engine"), join(folder, "engine"), { recursive: true });
      }),
  },
  {
    name: "wrong-type",
    async run(workspace) {
      const folder = join(workspace.folder, "esbuild-wrong");
      await esbuild(workspace, "url.js", join(folder, "main.js"));
      cpSync(join(workspace.library, "dist/engine"), join(folder, "engine"), { recursive: true });
      return workspace.check(await runFromServer(folder, { ...TYPES, ".wasm": "text/plain" }));
    },
  },
  {
    name: "vite",
    async run(workspace) {
      const vite = await importTool("vite");
      return bundleBoth(workspace, "vite", async (program, folder) => {
        const page = `${program}.html`;
        workspace.write(page, `<!doctype html><script type="module" src="/${program}.js"></script>`);
        const output = { entryFileNames: "main.js" };
        await vite.build({
          root: workspace.folder,
          configFile: false,
          base: "./",
          logLevel: "error",
          build: {
            outDir: folder,
            target: "es2022",
            modulePreload: { polyfill: false },
            chunkSizeWarningLimit: 1e6,
            rolldownOptions: { input: join(workspace.folder, page), output },
          },
        });
      });
    },
  },
  {
    name: "webpack",
    async run(workspace) {
      const { default: webpack } = await importTool("webpack");
      return bundleBoth(workspace, "webpack", (program, folder) => {
        const compiler = webpack({
          context: workspace.folder,
          entry: `./${program}.js`,
          mode: "production",
          target: ["web", "es2022"],
          experiments: { outputModule: true },
          performance: { hints: false },
          output: { path: folder, filename: "main.js", module: true },
        });
        return new Promise<void>((done, fail) => {
          // biome-ignore lint/suspicious/noExplicitAny: webpack is installed on demand, so its types are not there
          compiler.run((error: Error | null, stats: any) => {
            if (error) fail(error);
            else if (stats.hasErrors()) fail(new Error(stats.toString("errors-only")));
            else done();
          });
        });
      });
    },
  },
  {
    name: "bun-build",
    async run(workspace) {
      const folder = join(workspace.folder, "bun-main");
      await execute(
        await needBun(),
        ["build", "main.js", "--outfile", join(folder, "main.js")],
        workspace.folder,
      );
      return workspace.check(await runFromServer(folder));
    },
  },
  {
    name: "workerd",
    async run(workspace) {
      const folder = join(workspace.folder, "workerd");
      workspace.write("worker.js", workerdSource("./probe.js", "./jobs.js"));
      await esbuild(workspace, "worker.js", join(folder, "worker.mjs"), {
        conditions: ["workerd"],
        external: ["*.wasm"],
      });
      expectNoCompiling(workspace.library, "workerd.js");
      const engine = join(workspace.library, "dist/engine");
      return workspace.check(await runWorkerd(await needWorkerd(), folder, engine));
    },
  },
  {
    name: "edge-light",
    async run(workspace) {
      const outfile = join(workspace.folder, "edge", "main.mjs");
      await esbuild(workspace, "main.js", outfile, { conditions: ["edge-light"], plugins: [edgeModules] });
      expectNoCompiling(workspace.library, "edge-light.js");
      return workspace.check(await execute(process.execPath, [outfile], dirname(outfile)));
    },
  },
];

/** Hosts at the edge refuse to compile bytes and have no modules of Node. */
function expectNoCompiling(library: string, name: string): void {
  const text = readFileSync(join(library, "dist", name), "utf8");
  const found = text.match(/node:|WebAssembly\.(compile|instantiate)\w*|new WebAssembly\.Module\b/);
  if (found) throw new Error(`dist/${name} has ${found[0]}`);
}
