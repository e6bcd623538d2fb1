/**
 * How far a quantised model, run by our engine, is from the float one, run by onnxruntime: correlation, and the ratio
 * of signal to quantisation noise (SQNR), 10 log10(sum of wanted^2 / sum of (wanted - got)^2) decibels.
 */
import type { Engine } from "../../../src/engine.js";
import { ARGMAX } from "../../../src/format.js";
import { kindOf, type Model } from "../../../src/ops.js";
import { logitsOf, runLogits } from "../../common/engine.js";
import { channelsLast, toInput } from "../feed.js";
import type { OutputTensor } from "../runtime.js";
import type { Sample } from "./calibrate.js";
import { dequantize, type Quantization } from "./numbers.js";

/** SQNR of all numbers added so far. */
export class Sqnr {
  #signal = 0;
  #noise = 0;

  add(wanted: ArrayLike<number>, got: ArrayLike<number>): void {
    for (let i = 0; i < wanted.length; i++) {
      this.#signal += wanted[i]! ** 2;
      this.#noise += (wanted[i]! - got[i]!) ** 2;
    }
  }

  /** Infinite where nothing differs. */
  get decibels(): number {
    return this.#noise === 0 ? Infinity : 10 * Math.log10(this.#signal / this.#noise);
  }
}

/**
 * SQNR of the logits over some images, in decibels, the mean of each class taken off: a constant carries no information.
 * NaN where the file does not give them.
 *
 * @param engine with the quantised model
 */
export function logitsSqnr(engine: Engine, samples: readonly Sample[]): number {
  const quantization = engine.model.tensors[logitsOf(engine.model)]!;
  const { channels } = quantization;
  const lists = samples.flatMap(({ image, logits }) => (logits ? [{ image, logits }] : []));
  if (lists.length === 0) return Number.NaN;
  const means = meansOf(
    lists.map(({ logits }) => logits),
    channels,
  );
  const centered = (values: Float32Array): Float32Array =>
    values.map((value, at) => value - means[at % channels]!);
  const sqnr = new Sqnr();
  for (const { image, logits } of lists) {
    sqnr.add(centered(logits), centered(realNumbers(runLogits(engine, toInput(image)), quantization)));
  }
  // numbers that are none compare with nothing
  return Number.isNaN(sqnr.decibels) ? -Infinity : sqnr.decibels;
}

/** Mean of each channel over lists of [height, width, channels]. */
function meansOf(lists: readonly Float32Array[], channels: number): Float64Array {
  const sums = new Float64Array(channels);
  let count = 0;
  for (const list of lists) {
    for (let at = 0; at < list.length; at++) sums[at % channels]! += list[at]!;
    count += list.length / channels;
  }
  return sums.map((sum) => sum / count);
}

/** One tensor of a float model, errors of earlier tensors included. */
export interface TensorDifference {
  readonly index: number;
  readonly operation: string;
  readonly name: string;
  /** Pearson correlation of the float and the dequantised numbers: the lowest of all images. */
  readonly correlation: number;
  /** SQNR over all images. */
  readonly decibels: number;
}

/** The tensors that a quantised and a float model both have, compared over some images. */
export class TensorDifferences {
  readonly #model: Model;
  readonly #tensors = new Map<string, { id: number; index: number; sqnr: Sqnr; correlation: number }>();

  /** @param names of the float model's tensors */
  constructor(model: Model, names: ReadonlySet<string>) {
    this.#model = model;
    model.ops.forEach(({ output: id, code }, index) => {
      const name = model.metadata.tensors?.[id] ?? "";
      if (!names.has(name) || code === ARGMAX || this.#tensors.has(name)) return;
      this.#tensors.set(name, { id, index, sqnr: new Sqnr(), correlation: 1 });
    });
  }

  /** Names of the tensors that are compared, with their ids in the quantised model. */
  get ids(): ReadonlyMap<string, number> {
    return new Map([...this.#tensors].map(([name, { id }]) => [name, id]));
  }

  /**
   * Adds a tensor of the float model; one that the quantised model does not have is left out.
   *
   * @param ours every tensor of the quantised model for the same image, int8 [height, width, channels]
   */
  add(name: string, { dims, data }: OutputTensor, ours: readonly Int8Array[]): void {
    const entry = this.#tensors.get(name);
    if (!entry) return;
    const wanted = channelsLast(dims, data, 0, new Float32Array(data.length));
    const got = realNumbers(ours[entry.id]!, this.#model.tensors[entry.id]!);
    entry.sqnr.add(wanted, got);
    entry.correlation = Math.min(entry.correlation, correlate(wanted, got));
  }

  /** In the order of the quantised model. */
  rows(): TensorDifference[] {
    return [...this.#tensors].map(([name, { index, sqnr, correlation }]) => {
      const operation = kindOf(this.#model.ops[index]!).name;
      return { index, operation, name, correlation, decibels: sqnr.decibels };
    });
  }
}

function realNumbers(values: Int8Array, quantization: Quantization): Float32Array {
  return Float32Array.from(values, (q) => dequantize(q, quantization));
}

/** Pearson correlation of two lists of numbers; 1 where both are constant. */
function correlate(a: ArrayLike<number>, b: ArrayLike<number>): number {
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
