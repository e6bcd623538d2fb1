/** Hosts without JavaScript: they run standalone modules, which take one image of a fixed size. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import binaryen from "binaryen";
import { parseModel } from "../../src/model.js";
import { bundleModel, planBundle } from "../../tools/bundle/index.js";
import { execute, FOLDER, type Host, needProgram, needVenv } from "./host.js";
import type { Jobs } from "./jobs.js";
import { decodeBase64, type Hashes, type Job } from "./probe.js";
import { sha256 } from "./sha256.js";

const VARIANTS = ["simd", "scalar"];

/** The standalone module of a job's model. */
async function bundleJob({ model, images }: Job, variant: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = decodeBase64(model);
  const { width, height } = images[0]!;
  const { bytes } = await bundleModel(file, planBundle(parseModel(file), height, width), variant);
  return new Uint8Array(bytes);
}

/** wasmtime, with its compiler or for Pulley, its interpreter. */
function wasmtime(name: string, target: string): Host {
  return {
    name,
    async run(jobs: Jobs) {
      const python = join(await needVenv("wasmtime", ["wasmtime"]), "python");
      const runs = await writeModules(jobs, VARIANTS);
      const paths = runs.flatMap(({ module, image }) => [module, image]);
      const output = await execute(python, [resolve("test/hosts/standalone.py"), target, ...paths]);
      const result: { version: string; hashes: string[] } = JSON.parse(output);
      return { version: result.version, hashes: collect(runs, result.hashes) };
    },
  };
}

/** A standalone module in a file, and the image that it is to segment. */
export interface ModuleRun {
  readonly job: string;
  readonly variant: string;
  readonly module: string;
  readonly image: string;
}

/** Writes the modules of all jobs that a host without resizing can do. */
export async function writeModules(
  { fixture, model }: Jobs,
  variants: readonly string[],
): Promise<ModuleRun[]> {
  const runs: ModuleRun[] = [];
  for (const job of model ? [fixture, model] : [fixture]) {
    const image = join(FOLDER, `${job.name}.rgb`);
    writeFileSync(image, decodeBase64(job.images[0]!.data));
    for (const variant of variants) {
      const module = join(FOLDER, `${job.name}-${variant}.wasm`);
      writeFileSync(module, await bundleJob(job, variant));
      runs.push({ job: job.name, variant, module, image });
    }
  }
  return runs;
}

/** The hashes of runs, one each, by job and variant. */
export function collect(runs: readonly ModuleRun[], hashes: readonly string[]): Hashes {
  const collected: Hashes = {};
  runs.forEach(({ job, variant }, index) => {
    (collected[job] ??= {})[variant] = hashes[index]!;
  });
  return collected;
}

/** An interpreter that can only call functions without arguments and print what they return: test network only. */
const wasmInterp: Host = {
  name: "wasm-interp",
  async run({ fixture }) {
    const program = needProgram("wasm-interp", "wabt");
    const results: Record<string, string> = {};
    for (const variant of VARIANTS) {
      const { path } = await writeTalking(fixture, variant);
      const output = await execute(program, [path, "--run-all-exports"]);
      results[variant] = sha256(readWords(output));
    }
    const version = (await execute(program, ["--version"])).trim();
    return { version: `wabt ${version}`, hashes: { fixture: results } };
  },
};

/** Writes the talking module of a job; gives the names of its functions in the order in which to call them. */
export async function writeTalking(job: Job, variant: string): Promise<{ path: string; names: string[] }> {
  const { width, height, data } = job.images[0]!;
  const pixels = width * height;
  const path = join(FOLDER, `talking-${variant}.wasm`);
  writeFileSync(path, talkingModule(await bundleJob(job, variant), decodeBase64(data), pixels));
  return { path, names: ["start", ...Array.from({ length: pixels / 8 }, (_, at) => `word${at}`)] };
}

/**
 * The standalone module with other exports: `start` writes the image and runs, `word0`, `word1`, ... return the
 * mask, eight bytes each.
 */
function talkingModule(bytes: Uint8Array<ArrayBuffer>, image: Uint8Array, pixels: number): Uint8Array {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { input, output } = exports as Record<string, () => number>;
  const [inputAt, outputAt] = [input!(), output!()];
  const module = binaryen.readBinary(bytes);
  const { i32, i64 } = module;
  const run = binaryen.getExportInfo(module.getExport("run")).value;
  for (const name of Object.keys(exports)) module.removeExport(name);
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  const stores = Array.from({ length: image.length / 8 }, (_, at) => {
    return i64.store(0, 1, i32.const(inputAt + 8 * at), i64.const(view.getBigInt64(8 * at, true)));
  });
  const start = module.block(null, [...stores, module.call(run, [], binaryen.i32)], binaryen.i32);
  module.addFunction("start", binaryen.none, binaryen.i32, [], start);
  module.addFunctionExport("start", "start");
  for (let at = 0; at < pixels / 8; at++) {
    const word = i64.load(0, 1, i32.const(outputAt + 8 * at));
    module.addFunction(`word${at}`, binaryen.none, binaryen.i64, [], word);
    module.addFunctionExport(`word${at}`, `word${at}`);
  }
  const talking = module.emitBinary();
  module.dispose();
  return talking;
}

/** The mask in lines such as `word3() => i64:72340172838076673`. */
function readWords(output: string): Uint8Array {
  const words = [...output.matchAll(/^word(\d+)\(\) => i64:(\d+)$/gm)];
  const mask = new Uint8Array(words.length * 8);
  const view = new DataView(mask.buffer);
  for (const [, at, value] of words) view.setBigUint64(8 * Number(at), BigInt(value!), true);
  return mask;
}

export const STANDALONE: readonly Host[] = [
  wasmtime("wasmtime", "host"),
  wasmtime("wasmtime-pulley", "pulley64"),
  wasmInterp,
];
