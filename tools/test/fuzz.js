/**
 * Does anything that a stranger may send crash, hang or give nonsense? Damages files at random and looks what becomes
 * of them: model files are loaded and run, ONNX files converted as far as that takes no runtime, pictures decoded.
 *
 *   node tools/test/fuzz.js [--kinds aseg,onnx,pictures] [--count N] [--seed N]
 *
 * Prints how many were refused and how many were taken; the exit code is 1 after the first that did neither, whose seed
 * is named. What damages the files stands in test/fuzz.ts.
 */
import { mkdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values } = parseArgs({
  options: {
    kinds: { type: "string", default: "aseg,onnx,pictures" },
    count: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
  },
});

const outfile = resolve(`build/${process.pid}-fuzz.mjs`);
mkdirSync("build", { recursive: true });
await build({
  entryPoints: ["test/fuzz.ts"],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "es2022",
  logLevel: "warning",
  external: ["sharp", "heic-decode", "onnxruntime-web"],
  loader: { ".wasm": "binary" },
  define: { __dirname: "import.meta.dirname" },
  banner: {
    js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
  },
});
try {
  const { fuzz } = await import(pathToFileURL(outfile).href);
  for (const kind of values.kinds.split(",")) {
    const counts = await fuzz(kind, Number(values.count), Number(values.seed));
    process.stdout.write(`${kind}: ${JSON.stringify(counts)}\n`);
  }
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
} finally {
  rmSync(outfile, { force: true });
}
