/**
 * Bundles one program of this folder and runs it: `node test/hosts/start.js matrix|package [ARGUMENTS]`.
 * The library must have been built.
 */
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const [name, ...rest] = process.argv.slice(2);
const outfile = `build/hosts/${name}.js`;
await build({
  entryPoints: [`test/hosts/${name}.ts`],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "es2022",
  packages: "external",
  loader: { ".wasm": "binary" },
  logLevel: "warning",
});
process.argv = [process.argv[0], outfile, ...rest];
await import(pathToFileURL(outfile).href);
