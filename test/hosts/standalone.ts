/** Hosts without JavaScript: they run standalone modules, which take one image of a fixed size. */
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import binaryen from "binaryen";
import { parseModel } from "../../src/model.js";
import { bundleModel, planBundle } from "../../tools/bundle/index.js";
import { Absent, execute, FOLDER, type Host, needProgram } from "./host.js";
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

const wasmtime: Host = {
  name: "wasmtime",
  async run({ fixture, model }: Jobs) {
    const python = await needWasmtime();
    const runs: { job: string; variant: string; paths: string[] }[] = [];
    for (const job of model ? [fixture, model] : [fixture]) {
      const image = join(FOLDER, `${job.name}.rgb`);
      writeFileSync(image, decodeBase64(job.images[0]!.data));
      for (const variant of VARIANTS) {
        const module = join(FOLDER, `${job.name}-${variant}.wasm`);
        writeFileSync(module, await bundleJob(job, variant));
        runs.push({ job: job.name, variant, paths: [module, image] });
      }
    }
    const script = resolve("test/hosts/standalone.py");
    const output = await execute(python, [script, ...runs.flatMap(({ paths }) => paths)]);
    const result: { version: string; hashes: string[] } = JSON.parse(output);
    const hashes: Hashes = {};
    runs.forEach(({ job, variant }, index) => {
      (hashes[job] ??= {})[variant] = result.hashes[index]!;
    });
    return { version: result.version, hashes };
  },
};

/** Python of an environment that has wasmtime, made once. */
async function needWasmtime(): Promise<string> {
  const folder = join(FOLDER, "wasmtime");
  const python = join(folder, "bin", "python");
  if (existsSync(join(folder, "ready"))) return python;
  try {
    await execute(needProgram("python3", "python3-venv"), ["-m", "venv", folder]);
    await execute(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "wasmtime"]);
  } catch (error) {
    throw new Absent(`PyPI: ${(error as Error).message}`);
  }
  writeFileSync(join(folder, "ready"), "");
  return python;
}

/** An interpreter that can only call functions without arguments and print what they return: test network only. */
const wasmInterp: Host = {
  name: "wasm-interp",
  async run({ fixture }) {
    const program = needProgram("wasm-interp", "wabt");
    const results: Record<string, string> = {};
    for (const variant of VARIANTS) {
      const { width, height, data } = fixture.images[0]!;
      const module = talkingModule(await bundleJob(fixture, variant), decodeBase64(data), width * height);
      const path = join(FOLDER, `talking-${variant}.wasm`);
      writeFileSync(path, module);
      const output = await execute(program, [path, "--run-all-exports"]);
      results[variant] = sha256(readWords(output));
    }
    const version = (await execute(program, ["--version"])).trim();
    return { version: `wabt ${version}`, hashes: { fixture: results } };
  },
};

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

export const STANDALONE: readonly Host[] = [wasmtime, wasmInterp];
