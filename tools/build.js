/**
 * Builds what is installed: engine modules, the library with its types, the command line, the demo page.
 *
 *   assembly/  ->  build/*.wasm  ->  src/generated/*.ts  ->  dist/*.js, dist/engine/, dist/page/, dist/types/
 *
 * Every entry of the library is the same source with another way to the engine (src/engines) and another way to
 * open an address (src/open).
 */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, relative } from "node:path";
import { promisify } from "node:util";
import { globSync } from "tinyglobby";
import { CompileError, engineSteps, GENERATED, TYPES, VARIANTS, viaTemporary } from "./compile.js";
import { update } from "./stale.js";

const ENTRIES = {
  index: { engine: "inline", open: "web" },
  node: { engine: "inline", open: "node" },
  url: { engine: "url", open: "web" },
  "url-node": { engine: "url", open: "node" },
  js: { engine: "javascript", open: "web" },
  "js-node": { engine: "javascript", open: "node" },
  workerd: { engine: "modules", open: "web", suffix: "" },
  "edge-light": { engine: "modules", open: "web", suffix: "?module" },
};
/** What `require` gets. */
const COMMONJS = ["index", "node", "url-node", "js", "js-node"];
const BROWSER = { browser: "src/browser/index.ts", element: "src/element.ts" };
/** Whole: bundlers make scripts of workers in formats that cannot import a second file. */
const WORKER = { worker: "src/worker.ts" };
const THREADS = { threads: "src/threads.ts", thread: "src/thread.ts" };
const PAGE = { page: "tools/page/page.ts" };
const STREET = "tools/page/street.ts";
const COMMANDS = {
  cli: "tools/cli.ts",
  start: "tools/segment/start.ts",
  "segment-worker": "tools/segment/worker.ts",
};

/** What components export. */
const WIT = "tools/bundle/attendseg.wit";
const POOL = { pool: "src/pool.ts", "pool-worker": "src/pool-worker.ts" };

/** What nearly every step depends on: how it is done, and the packages that do it or are bundled. */
const TOOLS = ["tools/build.js", "package-lock.json"];
const LIBRARY = ["src/**/*.ts", ...TOOLS];

const shared = { bundle: true, format: "esm", target: "es2022", legalComments: "none", logLevel: "warning" };
/** Bundled packages may still call require, and ask for their folder. */
const NODE = {
  platform: "node",
  define: { __dirname: "import.meta.dirname" },
  loader: { ".wasm": "binary" },
  banner: {
    js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
  },
};

/** Node prints the line of an error that nobody catches: it must not be the whole file. */
const SHORT_LINES = { lineLimit: 200 };

/** Runs esbuild; gives its files as { path: content }. */
async function bundle(options) {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({ ...shared, ...options, write: false });
  const files = outputFiles.map(({ path, contents }) => [
    relative(".", path).replaceAll("\\", "/"),
    contents,
  ]);
  return { files: Object.fromEntries(files), metafile };
}

/** Replaces the default engine and opener by those of an entry. */
function choose({ engine, open, suffix }) {
  return {
    name: "choose",
    setup({ onResolve, resolve }) {
      const replace = (filter, path) => {
        onResolve({ filter }, ({ pluginData, resolveDir, kind }) => {
          return pluginData === "chosen" ? null : resolve(path, { pluginData: "chosen", resolveDir, kind });
        });
      };
      replace(/^\.\/engines\/inline\.js$/, `./engines/${engine}.js`);
      replace(/^\.\/open\/web\.js$/, `./open/${open}.js`);
      onResolve({ filter: /^engine:/ }, ({ path }) => {
        return { path: `./engine/${path.slice("engine:".length)}.wasm${suffix}`, external: true };
      });
    },
  };
}

/** Leaves what runs several threads in a file of its own, which is loaded when needed. */
const separateThreads = {
  name: "separate-threads",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/threads\.js$/ }, () => ({ path: "./threads.js", external: true }));
  },
};

/** One entry of the library. */
async function bundleEntry([name, parts]) {
  const { files } = await bundle({
    entryPoints: ["src/index.ts"],
    outfile: `dist/${name}.js`,
    minify: true,
    ...(parts.open === "node" && SHORT_LINES),
    external: ["node:*"],
    plugins: [choose(parts), separateThreads],
  });
  return tightened(files, parts.open === "node");
}

/** Files a little smaller than esbuild makes them. */
async function tightened(files, isShort) {
  const { minify } = await import("terser");
  const options = {
    module: true,
    compress: { ecma: 2022, passes: 3 },
    format: isShort && { max_line_len: SHORT_LINES.lineLimit },
  };
  const made = Object.entries(files).map(async ([path, contents]) => {
    const { code } = await minify(Buffer.from(contents).toString(), options);
    return [path, Buffer.from(code)];
  });
  return Object.fromEntries(await Promise.all(made));
}

/** The same for `require`, in one file. */
async function bundleCommonJs(name) {
  const { files } = await bundle({
    entryPoints: ["src/index.ts"],
    outfile: `dist/cjs/${name}.js`,
    format: "cjs",
    minify: true,
    ...SHORT_LINES,
    platform: "node",
    plugins: [choose(ENTRIES[name])],
    define: { "import.meta.url": "__moduleUrl" },
    banner: { js: `const __moduleUrl = ${name.endsWith("node") ? FILE_URL : undefined};` },
  });
  return files;
}

/** Address beside which the engine lies, in a file that has no `import.meta.url`. */
const FILE_URL = 'require("node:url").pathToFileURL(__dirname).href';

/** Everything in one file, as a module and as a classic script that defines the global `attendseg`. */
async function bundleWhole() {
  const options = { entryPoints: ["src/all.ts"], minify: true };
  const module = await bundle({ ...options, outfile: "dist/attendseg.js" });
  const script = await bundle({
    ...options,
    outfile: "dist/attendseg.global.js",
    format: "iife",
    globalName: "attendseg",
    inject: ["src/script-address.ts"],
    define: { "import.meta.url": "scriptAddress" },
  });
  return { ...module.files, ...script.files };
}

/** All entries of the library, its workers for web pages, and its engines as files. */
async function bundleLibrary() {
  const entries = await Promise.all([
    ...Object.entries(ENTRIES).map(bundleEntry),
    ...COMMONJS.map(bundleCommonJs),
    bundleWhole(),
  ]);
  const options = { outdir: "dist", minify: true };
  const { files } = await bundle({
    ...options,
    entryPoints: { ...BROWSER, ...THREADS },
    plugins: [separateThreads],
  });
  Object.assign(files, (await bundle({ ...options, entryPoints: WORKER })).files);
  const pool = {
    ...options,
    ...SHORT_LINES,
    entryPoints: POOL,
    external: ["node:*"],
    plugins: [choose(ENTRIES.node), separateThreads],
  };
  Object.assign(files, (await bundle(pool)).files);
  files["dist/cjs/package.json"] = '{ "type": "commonjs" }\n';
  const engines = VARIANTS.map((name) => [`dist/engine/${name}.wasm`, readFileSync(`build/${name}.wasm`)]);
  return Object.assign(files, ...entries, Object.fromEntries(engines));
}

/** Models as modules whose default export is their bytes, which every host and bundler understands. */
async function bundleModels() {
  const models = globSync("models/*.aseg").map(async (path) => {
    const name = basename(path, ".aseg");
    const text = readFileSync(path, "base64");
    const contents = `import { decodeBase64 } from "./src/base64.js"; export default decodeBase64("${text}");`;
    const { files } = await bundle({
      stdin: { contents, resolveDir: "." },
      outfile: `dist/models/${name}.js`,
      minify: true,
    });
    const types = "declare const model: Uint8Array;\n";
    return {
      ...files,
      [`dist/models/${name}.d.ts`]: `${types}export default model;\n`,
      [`dist/cjs/models/${name}.js`]: `module.exports = require("node:fs").readFileSync(require("node:path").join(__dirname, "../../../${path}"));\n`,
      [`dist/cjs/models/${name}.d.ts`]: `${types}export = model;\n`,
    };
  });
  return Object.assign({}, ...(await Promise.all(models)));
}

/** The command line with its worker, and what `npm start` runs. */
async function bundleCommands() {
  const { files, metafile } = await bundle({
    ...NODE,
    entryPoints: COMMANDS,
    outdir: "dist",
    external: ["onnxruntime-web", "sharp", "heic-decode"],
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    metafile: true,
  });
  return {
    ...files,
    "dist/attendseg.wit": readFileSync(WIT),
    "dist/THIRD-PARTY.txt": licensesOf(Object.keys(metafile.inputs)),
  };
}

/** The licences of the packages whose files are part of the command line. */
function licensesOf(inputs) {
  const folders = inputs.flatMap((path) => /^.*?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  const parts = [...new Set(folders)].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const files = readdirSync(folder, { recursive: true }).filter((file) =>
      /(^|\/)licen[cs]e[^/]*$/i.test(file),
    );
    const texts = files.sort().map((file) => readFileSync(`${folder}/${file}`, "utf8").trim());
    return `${name} ${version}\n\n${texts.join("\n\n")}\n`;
  });
  return `The command line contains code of these packages.\n\n${parts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

/** The drawn street as a file. */
async function drawStreet() {
  const outfile = `build/${process.pid}-street.mjs`;
  const { files } = await bundle({ ...NODE, entryPoints: [STREET], outfile });
  const draw = async (path) => {
    writeFileSync(outfile, files[outfile]);
    await promisify(execFile)(process.execPath, [outfile, path]).finally(() => rmSync(outfile));
  };
  return { "build/street.jpg": await viaTemporary("street.jpg", draw, readFileSync) };
}

/** The demo page, which has a worker of its own beside it. */
async function bundlePage() {
  const options = { outdir: "dist/page", minify: true };
  const { files } = await bundle({
    ...options,
    entryPoints: { ...PAGE, ...THREADS },
    plugins: [separateThreads],
  });
  Object.assign(files, (await bundle({ ...options, entryPoints: WORKER })).files);
  for (const name of ["index.html", "page.css", "icon.svg"])
    files[`dist/page/${name}`] = readFileSync(`tools/page/${name}`);
  return { ...files, "dist/page/street.jpg": readFileSync("build/street.jpg") };
}

/** In this order, after the engines. */
const STEPS = [
  ...GENERATED,
  { name: "library", inputs: LIBRARY, make: bundleLibrary },
  TYPES,
  { name: "models", inputs: ["models/*.aseg", "src/base64.ts", ...TOOLS], make: bundleModels },
  {
    name: "commands",
    inputs: [
      "tools/**/*.ts",
      "!tools/page/**",
      WIT,
      "build/standalone-*.wasm",
      "build/component-*.wasm",
      ...LIBRARY,
    ],
    make: bundleCommands,
  },
  { name: "street", inputs: ["tools/sample/*.ts", STREET, ...TOOLS], make: drawStreet },
  { name: "page", inputs: ["tools/page/*", "build/street.jpg", ...LIBRARY], make: bundlePage },
];

async function main() {
  mkdirSync("build", { recursive: true });
  const engines = engineSteps().values();
  const work = async () => {
    for (const engine of engines) await update(engine);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const built = new Set();
  for (const step of STEPS) for (const path of await update(step)) built.add(path);
  for (const path of globSync("dist/**")) if (!built.has(path)) rmSync(path, { force: true });
}

try {
  await main();
} catch (error) {
  // esbuild too has said why
  if (!(error instanceof CompileError || error.errors)) throw error;
  process.exitCode = 1;
}
