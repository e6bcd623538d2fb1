/**
 * Builds what is installed: engine modules, the library with its types, the command line.
 *
 *   build/*.wasm (asc)  ->  src/generated/*.ts  ->  dist/*.js, dist/engine/*.wasm, dist/types/
 *
 * Every entry of the library is the same source with another way to the engine (src/engines) and another way to
 * open an address (src/open).
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { minify } from "terser";

const VARIANTS = ["scalar", "simd", "relaxed"];
const THREADED = ["simd-threads", "relaxed-threads"];

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

/** Engines as text: one constant for each build. */
function inlineEngines(path, variants) {
  const constants = variants.map((variant) => {
    const base64 = readFileSync(`build/${variant}.wasm`).toString("base64");
    return `export const ${variant.toUpperCase().replace("-", "_")}: string =\n  "${base64}";\n`;
  });
  writeFileSync(path, constants.join(""));
}

/** The scalar engine as JavaScript: what wasm2js makes, wrapped so that every instance has variables of its own. */
function translateEngine() {
  const wasm2js = ["node_modules/binaryen/bin/wasm2js", "build/scalar.wasm", "--all-features", "-O3"];
  const text = execFileSync(process.execPath, [...wasm2js, "-o", "-"], { encoding: "utf8" });
  const end = text.indexOf("var retasmFunc");
  if (end < 0) throw new Error("tools/build.js: wasm2js wrote something new");
  const head = '// @ts-nocheck\nimport type { EngineExports } from "../engine.js";\n\n';
  const body = `${text.slice(0, end)}return asmFunc({});\n`;
  const code = `${head}export function instantiateJavascript(): EngineExports {\n${body}}\n`;
  writeFileSync("src/generated/javascript.ts", code);
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

/** Properties of the library's own structures, which users never see: they get short names. */
const PRIVATE = [
  ...[
    "attributes",
    "arenaAt",
    "entryBytes",
    "inPlace",
    "sameScale",
    "arity",
    "taps",
    "lifetimes",
    "scratchBytes",
  ],
  ...[
    "stepBytes",
    "rowCount",
    "multipliers",
    "turns",
    "offsets",
    "sizes",
    "depth",
    "inputs",
    "output",
    "weights",
  ],
  ...[
    "bias",
    "scales",
    "table",
    "plan",
    "model",
    "scratch",
    "kernelHeight",
    "kernelWidth",
    "strideY",
    "strideX",
  ],
  ...[
    "dilationY",
    "dilationX",
    "padTop",
    "padLeft",
    "padBottom",
    "padRight",
    "groups",
    "numerator",
    "denominator",
  ],
  ...[
    "code",
    "mode",
    "stride",
    "rows",
    "bytes",
    "first",
    "last",
    "engine",
    "picture",
    "setPicture",
    "writeMask",
  ],
];
const mangleProps = new RegExp(`^(${PRIVATE.join("|")})$`);

/** Leaves what runs several threads in a file of its own, which is loaded when needed. */
const separateThreads = {
  name: "separate-threads",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/threads\.js$/ }, () => ({ path: "./threads.js", external: true }));
  },
};
const THREADS = { threads: "src/threads.ts", thread: "src/thread.ts" };

/** The drawn street as a file, made again only when its drawing changed: it takes seconds. */
async function drawSample() {
  const parts = readdirSync("tools/sample").map((name) => `tools/sample/${name}`);
  const sources = [...parts, "tools/page/street.ts"];
  const made = statSync("build/street.jpg", { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources.every((source) => statSync(source).mtimeMs < made)) return;
  const outfile = "build/street.mjs";
  await build({
    ...shared,
    entryPoints: ["tools/page/street.ts"],
    outfile,
    platform: "node",
    loader: { ".wasm": "binary" },
    banner: NODE_BANNER,
  });
  execFileSync(process.execPath, [outfile, "build/street.jpg"]);
}

/** Library for web pages with its worker, and the demo page, which has a worker of its own beside it. */
async function buildPages() {
  const browser = { browser: "src/browser/index.ts", worker: "src/worker.ts" };
  const plugins = [separateThreads];
  await build({ ...shared, entryPoints: { ...browser, ...THREADS }, outdir: "dist", minify: true, plugins });
  const page = { page: "tools/page/page.ts", worker: "src/worker.ts" };
  await build({
    ...shared,
    entryPoints: { ...page, ...THREADS },
    outdir: "dist/page",
    minify: true,
    plugins,
  });
  await drawSample();
  for (const name of ["index.html", "page.css", "icon.svg"])
    cpSync(`tools/page/${name}`, `dist/page/${name}`);
  cpSync("build/street.jpg", "dist/page/street.jpg");
}

/** Bundled packages may still call require. */
const NODE_BANNER = {
  js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
};

mkdirSync("src/generated", { recursive: true });
inlineEngines("src/generated/engine.ts", VARIANTS);
inlineEngines("src/generated/threads.ts", THREADED);
translateEngine();

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");
const shared = { bundle: true, format: "esm", target: "es2022", legalComments: "none", logLevel: "warning" };
for (const [name, parts] of Object.entries(ENTRIES)) {
  const { outputFiles } = await build({
    ...shared,
    entryPoints: ["src/index.ts"],
    write: false,
    minify: true,
    mangleProps,
    external: ["node:*"],
    plugins: [choose(parts), separateThreads],
  });
  const { code } = await minify(outputFiles[0].text, {
    module: true,
    ecma: 2022,
    compress: { passes: 3, unsafe_arrows: true, unsafe_methods: true, keep_fargs: false },
  });
  writeFileSync(`dist/${name}.js`, code);
}
for (const variant of VARIANTS) cpSync(`build/${variant}.wasm`, `dist/engine/${variant}.wasm`);
const commands = await build({
  ...shared,
  entryPoints: {
    cli: "tools/cli.ts",
    start: "tools/segment/start.ts",
    "segment-worker": "tools/segment/worker.ts",
  },
  outdir: "dist",
  platform: "node",
  loader: { ".wasm": "binary" },
  external: ["onnxruntime-web"],
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  metafile: true,
  banner: NODE_BANNER,
});
writeFileSync("dist/THIRD-PARTY.txt", licences(Object.keys(commands.metafile.inputs)));
await buildPages();
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "src/tsconfig.json"], {
  stdio: "inherit",
});

/** The licences of the packages whose files are part of the command line. */
function licences(inputs) {
  const folders = inputs.flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
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
