/** Steps of the build that compilers do: engine modules by asc, engines as text and as JavaScript, types by tsc. */
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { promisify } from "node:util";
import { globSync } from "tinyglobby";

/** Builds of the engine: source, target of asconfig.json. */
const ENGINES = {
  scalar: ["index", "scalar"],
  simd: ["index", "simd"],
  relaxed: ["index", "relaxed"],
  "simd-threads": ["threads", "simd-threads"],
  "relaxed-threads": ["threads", "relaxed-threads"],
  "standalone-scalar": ["standalone", "scalar"],
  "standalone-simd": ["standalone", "simd"],
  "component-scalar": ["component", "scalar"],
  "component-simd": ["component", "simd"],
};
export const VARIANTS = ["scalar", "simd", "relaxed"];
const THREADED = ["simd-threads", "relaxed-threads"];

/** Said by asc where its optimiser takes a pass back. */
const SUBOPTIMAL = /^Last converge was suboptimal\.$/;

/** A program that failed; it has said why. */
export class CompileError extends Error {}

/** Runs a program of a package. What it says goes to standard error; returns its standard output. */
async function runTool(path, words, ignored) {
  const command = ["--enable-source-maps", `node_modules/${path}`, ...words];
  const done = promisify(execFile)(process.execPath, command, { maxBuffer: 2 ** 28 });
  const { stdout, stderr, code = 0 } = await done.catch((error) => error);
  const lines = (code ? stdout + stderr : stderr).split("\n");
  const text = lines.filter((line) => line && !ignored?.test(line)).join("\n");
  if (text) console.error(text);
  if (code) throw new CompileError(`${path} ${words.join(" ")}: ${code}`);
  return stdout;
}

/** Lets a program write a file or folder, which is gone after `read` has seen it; returns what that returns. */
export async function viaTemporary(name, write, read) {
  const path = `build/${process.pid}-${name}`;
  try {
    await write(path);
    return read(path);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** The sources of the engines: the kernels, and the constants that they share with the library. */
function engineSources() {
  const kernels = globSync("assembly/**/*.ts");
  const texts = kernels.map((path) => readFileSync(path, "utf8")).join("");
  const constants = [...texts.matchAll(/"\.\.\/(src\/[^"]+)"/g)].map(([, path]) => `${path}.ts`);
  return [...kernels, ...new Set(constants)];
}

/** One step for each build of the engine. */
export function engineSteps() {
  const tools = ["asconfig.json", "tools/compile.js", "node_modules/assemblyscript/package.json"];
  const inputs = [...engineSources(), ...tools];
  return Object.entries(ENGINES).map(([name, [source, target]]) => {
    const words = [`assembly/${source}.ts`, "--target", target, "-o"];
    const write = (path) => runTool("assemblyscript/bin/asc.js", [...words, path], SUBOPTIMAL);
    const make = async () => {
      return { [`build/${name}.wasm`]: await viaTemporary(`${name}.wasm`, write, readFileSync) };
    };
    return { name, inputs, make };
  });
}

/** Engines as text: one constant for each build. */
function inlineStep(path, variants) {
  const make = async () => {
    const constants = variants.map((variant) => {
      const base64 = readFileSync(`build/${variant}.wasm`).toString("base64");
      return `export const ${variant.toUpperCase().replace("-", "_")}: string =\n  "${base64}";\n`;
    });
    return { [path]: constants.join("") };
  };
  const inputs = [...variants.map((variant) => `build/${variant}.wasm`), "tools/compile.js"];
  return { name: `inline-${variants[0]}`, inputs, make };
}

/** The scalar engine as JavaScript: what wasm2js makes, wrapped so that every instance has variables of its own. */
async function translateEngine() {
  const words = ["build/scalar.wasm", "--all-features", "-O3", "-o", "-"];
  const text = await runTool("binaryen/bin/wasm2js", words);
  const end = text.indexOf("var retasmFunc");
  if (end < 0) throw new Error("tools/compile.js: wasm2js wrote something new");
  const head = '// @ts-nocheck\nimport type { EngineExports } from "../engine.js";\n\n';
  const body = `${text.slice(0, end)}return asmFunc({});\n`;
  return {
    "src/generated/javascript.ts": `${head}export function instantiateJavascript(): EngineExports {\n${body}}\n`,
  };
}

/** What the library imports of the engines. */
export const GENERATED = [
  inlineStep("src/generated/engine.ts", VARIANTS),
  inlineStep("src/generated/threads.ts", THREADED),
  {
    name: "translate",
    inputs: ["build/scalar.wasm", "tools/compile.js", "node_modules/binaryen/package.json"],
    make: translateEngine,
  },
];

async function declareTypes() {
  const write = (folder) => runTool("typescript/bin/tsc", ["-p", "src/tsconfig.json", "--outDir", folder]);
  const read = (folder) => {
    const paths = globSync("**/*.d.ts", { cwd: folder });
    // once for import and once for require: TypeScript takes the kind of a module from its folder
    const copies = paths.flatMap((path) => {
      const content = readFileSync(`${folder}/${path}`);
      return ["dist/types", "dist/cjs/types"].map((to) => [`${to}/${path}`, content]);
    });
    return Object.fromEntries(copies);
  };
  return viaTemporary("types", write, read);
}

/** Types of the library. */
export const TYPES = {
  name: "types",
  inputs: [
    "src/**/*.ts",
    "tsconfig.json",
    "src/tsconfig.json",
    "tools/compile.js",
    "node_modules/typescript/package.json",
  ],
  make: declareTypes,
};
