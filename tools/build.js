/**
 * Builds what is installed: engine modules inlined for the library, the library with its types, the command line.
 *
 *   build/*.wasm (asc)  ->  src/generated/engine.ts  ->  dist/index.js, dist/types/, dist/cli.js, dist/start.js
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
const commands = await build({
  ...shared,
  entryPoints: { cli: "tools/cli.ts", start: "tools/start.ts" },
  outdir: "dist",
  platform: "node",
  loader: { ".wasm": "binary" },
  external: ["onnxruntime-web"],
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  metafile: true,
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
});
writeFileSync("dist/THIRD-PARTY.txt", licences(Object.keys(commands.metafile.inputs)));
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
