/**
 * How far a quantised model, run by our engine, is from the float one, run by onnxruntime: correlation, and the ratio
 * of signal to quantisation noise (SQNR), 10 log10(sum of wanted^2 / sum of (wanted - got)^2) decibels.
 */
import type { Engine } from "../../../src/engine.js";
import { ARGMAX } from "../../../src/format.js";
import { kindOf, type Model, type Values } from "../../../src/ops.js";
import { logitsOf, runLogits } from "../../common/engine.js";
import { channelsLast, toInput } from "../feed.js";
import type { OutputTensor } from "../runtime.js";
import type { Sample } from "./calibrate.js";
import { scaledName } from "./equalize.js";
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

/** How far quantised logits are from the float ones. */
export interface LogitsDifference {
  /**
   * SQNR in decibels, where the signal is what is left of each class's logits without their mean: what is the same
   * everywhere decides about no pixel.
   */
  readonly decibels: number;
  /** Share of pixels, at the size of the logits, whose largest logit is that of the same class. */
  readonly agreement: number;
}

/**
 * Compares the logits over some images; NaN decibels where the file does not give them.
 *
 * @param engine with the quantised model
 */
export function logitsDifference(engine: Engine, samples: readonly Sample[]): LogitsDifference {
  const { ops, tensors } = engine.model;
  const quantization = tensors[logitsOf({ ops })]!;
  const { channels } = quantization;
  const sums = new Float64Array(channels);
  let [squares, noise, same, pixels] = [0, 0, 0, 0];
  for (const { image, logits } of samples) {
    if (!logits) return { decibels: Number.NaN, agreement: Number.NaN };
    const got = realNumbers(runLogits(engine, toInput(image)), quantization);
    for (let at = 0; at < logits.length; at += channels) {
      let [wanted, found] = [at, at];
      for (let i = at; i < at + channels; i++) {
        sums[i - at]! += logits[i]!;
        squares += logits[i]! ** 2;
        noise += (logits[i]! - got[i]!) ** 2;
        if (logits[i]! > logits[wanted]!) wanted = i;
        if (got[i]! > got[found]!) found = i;
      }
      if (wanted === found) same++;
      pixels++;
    }
  }
  const signal = squares - sums.reduce((total, sum) => total + sum ** 2 / pixels, 0);
  const decibels = noise === 0 ? Infinity : 10 * Math.log10(Math.max(0, signal) / noise);
  // numbers that are none compare with nothing
  return { decibels: Number.isNaN(decibels) ? -Infinity : decibels, agreement: same / pixels };
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
  readonly #factors: ReadonlyMap<string, Float64Array>;
  readonly #tensors = new Map<string, { id: number; index: number; sqnr: Sqnr; correlation: number }>();

  /**
   * @param names of the float model's tensors
   * @param factors of the channels of tensors that are equalized in the quantised model
   */
  constructor(
    model: Model,
    names: ReadonlySet<string>,
    factors: ReadonlyMap<string, Float64Array> = new Map(),
  ) {
    this.#model = model;
    this.#factors = factors;
    const scaled = new Map([...factors.keys()].map((name) => [scaledName(name), name]));
    model.ops.forEach(({ output: id, code }, index) => {
      const own = model.metadata.tensors?.[id] ?? "";
      const name = scaled.get(own) ?? own;
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
   * @param ours every tensor of the quantised model for the same image, [height, width, channels]
   */
  add(name: string, { dims, data }: OutputTensor, ours: readonly Values[]): void {
    const entry = this.#tensors.get(name);
    if (!entry) return;
    const wanted = channelsLast(dims, data, 0, new Float32Array(data.length));
    const got = realNumbers(ours[entry.id]!, this.#model.tensors[entry.id]!);
    const factors = this.#factors.get(name);
    factors?.forEach((factor, c) => {
      for (let at = c; at < got.length; at += factors.length) got[at]! /= factor;
    });
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

function realNumbers(values: Values, quantization: Quantization): Float32Array {
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
