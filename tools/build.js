/**
 * Builds what is installed: engine modules inlined for the library, the library with its types, the command line.
 *
 *   build/*.wasm (asc)  ->  src/generated/engine.ts  ->  dist/index.js, dist/types/, dist/cli.js, dist/start.js
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const VARIANTS = ["scalar", "simd"];

mkdirSync("src/generated", { recursive: true });
const constants = VARIANTS.map((variant) => {
  const base64 = readFileSync(`build/${variant}.wasm`).toString("base64");
  return `export const ${variant.toUpperCase()} =\n  "${base64}";\n`;
});
writeFileSync("src/generated/engine.ts", constants.join(""));

rmSync("dist", { recursive: true, force: true });
const shared = { bundle: true, format: "esm", target: "es2022", legalComments: "none", logLevel: "warning" };
await build({ ...shared, entryPoints: ["src/index.ts"], outfile: "dist/index.js", minify: true });
await build({
  ...shared,
  entryPoints: { cli: "tools/cli.ts", start: "tools/start.ts" },
  outdir: "dist",
  platform: "node",
  loader: { ".wasm": "binary" },
  external: ["onnxruntime-web"],
  splitting: true,
  chunkNames: "chunk-[hash]",
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
});
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "src/tsconfig.json"], {
  stdio: "inherit",
});
