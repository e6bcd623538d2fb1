/** The operator tests of the installed onnx package, each wrapped as a network (operators.py), against onnxruntime. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Segmenter } from "../../../src/segmenter.js";
import { ConvertError, convert } from "../../../tools/convert/index.js";
import { Random } from "../../fixtures/random.js";

ort.env.wasm.numThreads = 1;

const HAS_ONNX = spawnSync("python3", ["-c", "import onnx, onnxruntime"]).status === 0;
const DECIBELS = 20;
/** Images to calibrate on: many, as maps of few pixels hardly show their range. */
const CALIBRATION = 100;
/** These jump: a value beside the jump falls on either side of it with 8 bits. */
const JUMPING = ["Ceil", "Floor", "Round", "Sign", "ThresholdedRelu"];
const JUMPING_DECIBELS = 12;
/** About twice what four tensors of 8 bits have. */
const ERROR = 0.01;

let folder: string;
let networks: Record<string, Network>;

/** The type of the tested node, and the size of the image, pixels. */
interface Network {
  readonly type: string;
  readonly height: number;
  readonly width: number;
}

interface Outcome {
  readonly name: string;
  readonly type: string;
  readonly refusal?: string;
  /** SQNR of the scores, the mean of each class removed. */
  readonly decibels?: number;
  /** Root mean square of the error, as a share of the range of the scores and 0. */
  readonly error?: number;
}

/** Images of random levels, each up to a brightness of its own: maps of few pixels hold nothing smooth. */
function noise(count: number, width: number, height: number, seed: number): Uint8Array[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const brightest = random.integer(64, 255);
    return Uint8Array.from({ length: 3 * width * height }, () => random.integer(0, brightest));
  });
}

/** Converts a network and compares its scores with onnxruntime's on other images than it was calibrated on. */
async function outcomeOf(name: string): Promise<Outcome> {
  const { type, height, width } = networks[name]!;
  const bytes = new Uint8Array(readFileSync(join(folder, `${name}.onnx`)));
  let model: Uint8Array;
  try {
    model = (await convert(bytes, { calibration: noise(CALIBRATION, width, height, 7), activationBits: 8 }))
      .bytes;
  } catch (error) {
    if (!(error instanceof ConvertError)) throw error;
    return { name, type, refusal: error.message };
  }
  using segmenter = await Segmenter.load(model);
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 });
  const pairs: [wanted: number, got: number][][] = [];
  for (const image of noise(8, width, height, 99)) {
    const pixels = width * height;
    const planes = Float32Array.from({ length: 3 * pixels }, (_, at) => {
      return image[3 * (at % pixels) + Math.floor(at / pixels)]! / 255;
    });
    const { scores } = await session.run({ image: new ort.Tensor("float32", planes, [1, 3, height, width]) });
    const { data, scale, zero, classes, ...size } = segmenter.segment(
      { data: image, width, height },
      { logits: true },
    ).logits!;
    const plane = size.width * size.height;
    (scores!.data as Float32Array).forEach((wanted, at) => {
      const [c, place] = [Math.floor(at / plane), at % plane];
      (pairs[c] ??= []).push([wanted, scale * (data[place * classes + c]! - zero)]);
    });
  }
  await session.release();
  return { name, type, decibels: sqnr(pairs), error: errorOf(pairs.flat()) };
}

/** SQNR of scores by class, the mean of each class removed, decibels. */
function sqnr(classes: readonly (readonly [wanted: number, got: number])[][]): number {
  let signal = 0;
  let noise = 0;
  for (const list of classes) {
    const mean = list.reduce((sum, [wanted]) => sum + wanted, 0) / list.length;
    for (const [wanted, got] of list) {
      signal += (wanted - mean) ** 2;
      noise += (wanted - got) ** 2;
    }
  }
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

function errorOf(pairs: readonly (readonly [wanted: number, got: number])[]): number {
  const values = pairs.map(([wanted]) => wanted);
  const range = Math.max(0, ...values) - Math.min(0, ...values);
  return Math.sqrt(pairs.reduce((sum, [wanted, got]) => sum + (wanted - got) ** 2, 0) / pairs.length) / range;
}

/** Whether scores are wrong, and not only as coarse as 8 bits are where a map hardly varies. */
function isWrong({ type, decibels, error }: Outcome): boolean {
  if (decibels === undefined || decibels >= DECIBELS) return false;
  return JUMPING.includes(type) ? decibels < JUMPING_DECIBELS : !(error! <= ERROR);
}

describe.skipIf(!HAS_ONNX)("operator tests of the onnx package (python3 with onnx and onnxruntime)", () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "operators-"));
    const program = join(import.meta.dirname, "operators.py");
    const { stdout, stderr, status } = spawnSync("python3", ["-W", "ignore", program, folder], {
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    networks = JSON.parse(stdout);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("none is wrong: each gives onnxruntime's scores, or is refused", async () => {
    const outcomes: Outcome[] = [];
    for (const name of Object.keys(networks)) outcomes.push(await outcomeOf(name));
    expect(outcomes.filter(isWrong)).toEqual([]);
    const right = outcomes.filter(({ refusal }) => refusal === undefined);
    expect(right.length).toBeGreaterThan(100);
    const refused = new Map<string, number>();
    for (const { type, refusal } of outcomes)
      if (refusal !== undefined) refused.set(type, (refused.get(type) ?? 0) + 1);
    const list = Array.from(refused, ([type, count]) => `${type} ${count}`).join(", ");
    console.log(
      `operator tests: ${right.length} right, 0 wrong, ${outcomes.length - right.length} refused: ${list}`,
    );
  }, 600_000);
});
