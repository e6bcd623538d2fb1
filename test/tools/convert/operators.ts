/** The operator tests of the `onnx` package as small networks, and how a conversion of one is judged. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-web";
import { EngineBuild, logitsOf, runLogits } from "../../../tools/common/engine.js";
import { ConvertError } from "../../../tools/convert/errors.js";
import { toFloats, toInput } from "../../../tools/convert/feed.js";
import { convertGraph, loadGraph } from "../../../tools/convert/index.js";
import { loweredError } from "./float.js";
import { images } from "./onnx-builder.js";

const SCRIPT = fileURLToPath(new URL("operators.py", import.meta.url));

ort.env.wasm.numThreads = 1;

/** Whether `pip install onnx onnxruntime` has been done. */
export const hasOnnx =
  spawnSync("python3", ["-c", "import onnx.backend.test.case.node, onnxruntime"]).status === 0;

export interface OperatorCase {
  readonly name: string;
  /** Type of the tested node. */
  readonly type: string;
  readonly bytes: Uint8Array;
  /** Height and width of the picture. */
  readonly size: readonly [number, number];
}

/** All tests that fit into a network of one picture. */
export function operatorCases(): OperatorCase[] {
  const folder = mkdtempSync(join(tmpdir(), "attendseg-onnx-"));
  try {
    execFileSync("python3", [SCRIPT, folder], { stdio: ["ignore", "ignore", "pipe"] });
    const { cases } = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as {
      cases: Omit<OperatorCase, "bytes">[];
    };
    return cases.map((entry) => ({
      ...entry,
      bytes: new Uint8Array(readFileSync(join(folder, `${entry.name}.onnx`))),
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * What became of a test: converted, with its SQNR, class means removed, share of equal pixels, and the error of the lowered
 * graph in floating point (`loweredError`); or refused.
 */
export type Verdict =
  | { readonly decibels: number; readonly agreement: number; readonly error: number }
  | { readonly refusal: string };

/** Pixels that the scores of all pictures have together, about. */
const PIXELS = 1500;
/**
 * A pixel whose best score leads the next by less than this share of their deviation is decided by chance: of random scores
 * many are, and SQNR tells of them.
 */
const UNDECIDED = 0.1;

/**
 * Converts a case and compares its scores with onnxruntime's on other pictures than it was calibrated on.
 *
 * @throws anything but a refusal, which is the converter's answer
 */
export async function judgeCase({ bytes, size: [height, width] }: OperatorCase): Promise<Verdict> {
  const count = Math.min(200, Math.max(8, Math.ceil(PIXELS / (height * width))));
  try {
    const loaded = loadGraph(bytes);
    const { model } = await convertGraph(loaded, {
      calibration: images(count, width, height),
      activationBits: 8,
    });
    const engine = (await EngineBuild.open()).load(model, loaded);
    const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 });
    const { scale, zero, channels } = model.tensors[logitsOf(model)]!;
    const wanted: number[] = [];
    const got: number[] = [];
    for (const image of images(count, width, height, 99)) {
      const feed = new ort.Tensor("float32", toFloats(image, loaded.inputShape, {}), loaded.inputShape);
      const result = (await session.run({ [session.inputNames[0]!]: feed }))[session.outputNames[0]!]!;
      const data = result.data as Float32Array;
      const plane = data.length / channels;
      for (let at = 0; at < data.length; at++)
        wanted.push(data[(at % channels) * plane + Math.floor(at / channels)]!);
      for (const value of runLogits(engine, toInput(image))) got.push(scale * (value - zero));
      result.dispose();
    }
    await session.release();
    return { ...difference(wanted, got, channels), error: await loweredError(bytes) };
  } catch (error) {
    if (!(error instanceof ConvertError)) throw error;
    return { refusal: error.message };
  }
}

/** SQNR with the mean of each class removed, and share of pixels of the same class among those that are decided. */
function difference(
  wanted: readonly number[],
  got: readonly number[],
  classes: number,
): { decibels: number; agreement: number } {
  const pixels = wanted.length / classes;
  const means = new Float64Array(classes);
  wanted.forEach((value, at) => {
    means[at % classes]! += value / pixels;
  });
  const [signal, noise] = [means, got].map((other) =>
    wanted.reduce((sum, value, at) => sum + (value - other[at % other.length]!) ** 2, 0),
  ) as [number, number];
  const undecided = UNDECIDED * Math.sqrt(signal / wanted.length);
  let [same, decided] = [0, 0];
  for (let at = 0; at < wanted.length; at += classes) {
    const scores = wanted.slice(at, at + classes);
    const own = got.slice(at, at + classes);
    const [first, second] = [...scores].sort((a, b) => b - a) as [number, number];
    if (first - second < undecided) continue;
    decided++;
    if (own.indexOf(Math.max(...own)) === scores.indexOf(first)) same++;
  }
  const decibels = noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
  return { decibels, agreement: decided === 0 ? 1 : same / decided };
}
