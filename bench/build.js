/**
 * Builds the benchmark into out/: node/ (the program and its child processes) and site/ (the pages, one bundle for
 * each engine, and the files that the engines fetch themselves). What stands in site/ can be served as it is.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const at = (...parts) => join(here, ...parts);

const ASSETS = {
  "onnxruntime-web": ["dist", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"],
  "@tensorflow/tfjs-backend-wasm": [
    "dist",
    "tfjs-backend-wasm.wasm",
    "tfjs-backend-wasm-simd.wasm",
    "tfjs-backend-wasm-threaded-simd.wasm",
  ],
  "@litertjs/core": [
    "wasm",
    "litert_wasm_internal.js",
    "litert_wasm_internal.wasm",
    "litert_wasm_compat_internal.js",
    "litert_wasm_compat_internal.wasm",
    "litert_wasm_threaded_internal.js",
    "litert_wasm_threaded_internal.wasm",
  ],
};
const ENGINES = ["ours", "tfjs-wasm", "tfjs-cpu", "onnxruntime-web", "litert"];

rmSync(at("out/node"), { recursive: true, force: true });
rmSync(at("out/site"), { recursive: true, force: true });
const shared = {
  bundle: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
  logOverride: { "empty-import-meta": "silent" },
};
const rivals = ["onnxruntime-web", "onnxruntime-node", "playwright-core", "@litertjs/*", "@tensorflow/*"];
await build({
  ...shared,
  entryPoints: { main: at("main.ts"), child: at("child.ts") },
  outdir: at("out/node"),
  platform: "node",
  splitting: true,
  external: rivals,
  // what is bundled may ask for modules of Node by `require`
  banner: {
    js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
  },
  loader: { ".wasm": "binary" },
});
/** The library is not bundled once more: pages load the very files that are installed. */
const installed = {
  name: "installed",
  setup({ onResolve }) {
    const external = true;
    onResolve({ filter: /\/src\/index\.js$/ }, () => ({ path: "../attendseg/index.js", external }));
  },
};
for (const name of ["index.js", "threads.js", "thread.js"]) {
  mkdirSync(at("out/site/attendseg"), { recursive: true });
  copyFileSync(at("../dist", name), at("out/site/attendseg", name));
}
for (const name of ENGINES) {
  await build({
    ...shared,
    entryPoints: [at("engines", `${name}.ts`)],
    outfile: at("out/site/engines", `${name}.js`),
    minify: true,
    platform: "browser",
    plugins: [installed],
  });
}
await build({
  ...shared,
  entryPoints: {
    runner: at("page/runner.ts"),
    page: at("page/page.ts"),
    "engines/roofline": at("roofline/measure.ts"),
  },
  outdir: at("out/site"),
  minify: true,
  plugins: [installed],
});
mkdirSync(at("out/site/files"), { recursive: true });
const PEAKS = ["dot", "relaxed", "relaxed-add"];
for (const [product, name] of PEAKS.entries()) {
  const options = [
    "--config",
    "none",
    "--runtime",
    "stub",
    "--use",
    "abort=",
    "--use",
    `DOT_PRODUCT=${product}`,
    "-O3",
  ];
  const enabled = (product > 0 ? ["simd", "relaxed-simd"] : ["simd"]).flatMap((feature) => [
    "--enable",
    feature,
  ]);
  const target = at("out/site/files", `peak-${name}.wasm`);
  const compiler = at("../node_modules/assemblyscript/bin/asc.js");
  execFileSync(process.execPath, [compiler, at("roofline/peak.ts"), ...options, ...enabled, "-o", target], {
    stdio: "inherit",
  });
}
for (const name of ["index.html", "runner.html", "page.css"]) {
  copyFileSync(at("page", name), at("out/site", name));
}
for (const [name, [folder, ...files]] of Object.entries(ASSETS)) {
  for (const file of files) {
    const target = at("out/site/assets", name, file);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(at("node_modules", name, folder, file), target);
  }
}
