/** How far a quantised model is from the float one: both run by onnxruntime. */
import type { Model } from "../../../src/model.js";
import { kindOf, type Size } from "../../../src/ops.js";
import { inferSizes } from "../../../src/shape.js";
import { exportQdq, realName } from "../export/index.js";
import { openRunner, type Runner } from "../runtime.js";
import { toFloats } from "./calibrate.js";

/** An exported model takes pictures in 0..1 as they are. */
const PLAIN = { mean: [0, 0, 0], std: [1, 1, 1] };

/** Signal to noise of a tensor, in decibels; infinite where nothing differs. */
export function decibels(signal: number, noise: number): number {
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
}

/** Sums of squares of a signal and of its error. */
export class Noise {
  signal = 0;
  noise = 0;

  add(wanted: ArrayLike<number>, got: ArrayLike<number>): void {
    for (let i = 0; i < wanted.length; i++) {
      this.signal += wanted[i]! ** 2;
      this.noise += (wanted[i]! - got[i]!) ** 2;
    }
  }

  get decibels(): number {
    return decibels(this.signal, this.noise);
  }
}

/** A runner of the quantised model that gives the real numbers of the tensors with the given ids. */
export async function openQuantized(
  model: Model,
  height: number,
  width: number,
  ids: readonly number[],
): Promise<Runner & { idOf(name: string): number }> {
  const sizes = inferSizes(model, height, width);
  const names = new Map(ids.map((id) => [realName(model, id), id]));
  const elements = [...names].map(([name, id]): [string, number] => {
    return [name, model.tensors[id]!.channels * sizes[id]!.height * sizes[id]!.width];
  });
  const runner = await openRunner(exportQdq(model, height, width), {
    inputName: "input",
    inputShape: [1, 3, height, width],
    tensors: new Map(elements),
    isLiteral: false,
  });
  return { ...runner, idOf: (name) => names.get(name)! };
}

/** Signal to noise of the scores over some pictures, in decibels. */
export async function scoreNoise(
  model: Model,
  { height, width }: Size,
  pictures: readonly { readonly picture: Uint8Array; readonly scores: Float32Array }[],
): Promise<number> {
  const runner = await openQuantized(model, height, width, [model.ops.at(-1)!.inputs[0]!]);
  const noise = new Noise();
  try {
    for (const { picture, scores } of pictures) {
      await runner.run(toFloats(picture, [1, 3, height, width], PLAIN), (_, { data }) =>
        noise.add(scores, data),
      );
    }
  } finally {
    await runner.release();
  }
  return noise.decibels;
}

/** One tensor's loss to quantisation. */
export interface TensorNoise {
  readonly name: string;
  /** Operation that writes it. */
  readonly operation: string;
  /** Signal to quantisation noise in decibels, errors of earlier tensors included. */
  readonly decibels: number;
  /** Pearson correlation of the float and the dequantised numbers. */
  readonly correlation: number;
}

/**
 * Every tensor that the float model has too, compared on one picture, worst first.
 *
 * @param float runs the float model on `feed`
 */
export async function tensorNoise(
  model: Model,
  { height, width }: Size,
  float: Runner,
  feed: Float32Array,
  picture: Uint8Array,
): Promise<TensorNoise[]> {
  const wanted = new Map<string, Float32Array>();
  await float.run(feed, (name, { data }) => wanted.set(name, Float32Array.from(data)));
  const names = model.card.tensors ?? [];
  const ids = [...names.keys()].filter((id) => wanted.has(names[id]!));
  const rows: TensorNoise[] = [];
  const runner = await openQuantized(model, height, width, ids);
  try {
    await runner.run(toFloats(picture, [1, 3, height, width], PLAIN), (realName, { data }) => {
      const id = runner.idOf(realName);
      const name = names[id]!;
      const noise = new Noise();
      noise.add(wanted.get(name)!, data);
      const operation = kindOf(model.ops.find((op) => op.output === id)!).name;
      const correlation = correlate(wanted.get(name)!, data);
      rows.push({ name, operation, decibels: noise.decibels, correlation });
    });
  } finally {
    await runner.release();
  }
  return rows.sort((a, b) => a.decibels - b.decibels);
}

/** Pearson correlation of two lists of numbers; 1 where both are constant. */
export function correlate(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [sumA, sumB, squareA, squareB, product] = [0, 0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    sumA += a[i]!;
    sumB += b[i]!;
    squareA += a[i]! ** 2;
    squareB += b[i]! ** 2;
    product += a[i]! * b[i]!;
  }
  const covariance = product - (sumA * sumB) / a.length;
  const spread = Math.sqrt((squareA - sumA ** 2 / a.length) * (squareB - sumB ** 2 / a.length));
  return spread > 0 ? covariance / spread : 1;
}
