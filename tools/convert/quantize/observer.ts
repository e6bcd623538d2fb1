/** What calibration keeps of an activation: how its values are distributed, and the mean of each channel. */
import { Histogram } from "./ranges.js";

/** Bins of the histogram of one channel. */
const CHANNEL_BINS = 512;

/** Observes an activation of [1, channels, ...]. */
export class Observer {
  /** One for the whole tensor, or one a channel. */
  readonly #histograms: readonly Histogram[];
  readonly #sums: Float64Array;
  #count = 0;

  /** @param isPerChannel keep a histogram of each channel, so that channels can be scaled afterwards */
  constructor(channels: number, isPerChannel = false) {
    this.#sums = new Float64Array(channels);
    this.#histograms = isPerChannel
      ? Array.from({ length: channels }, () => new Histogram(CHANNEL_BINS))
      : [new Histogram()];
  }

  /** @param values [channels][rest], where one image has `values.length / channels` values a channel */
  add(values: Float32Array): void {
    const plane = values.length / this.#sums.length;
    const isPerChannel = this.#histograms.length > 1;
    if (!isPerChannel) this.#histograms[0]!.add(values);
    for (let c = 0; c < this.#sums.length; c++) {
      const part = values.subarray(c * plane, (c + 1) * plane);
      if (isPerChannel) this.#histograms[c]!.add(part);
      let sum = 0;
      for (let at = 0; at < part.length; at++) sum += part[at]!;
      this.#sums[c]! += sum;
    }
    this.#count += plane;
  }

  /** The mean of each channel. */
  means(): Float64Array {
    return this.#sums.map((sum) => sum / Math.max(1, this.#count));
  }

  /** The largest absolute value of each channel, where each has a histogram of its own. */
  largest(): number[] | undefined {
    if (this.#histograms.length === 1) return undefined;
    return this.#histograms.map(({ min, max }) => Math.max(-min, max, 0));
  }

  /** Distance between the smallest and the largest value, 0 among them. */
  span(): number {
    const ends = this.#histograms.flatMap(({ min, max }) => [min, max]).filter(Number.isFinite);
    return Math.max(0, ...ends) - Math.min(0, ...ends);
  }

  /** The histogram of the tensor, its channels multiplied by factors. */
  histogram(factors?: ArrayLike<number>): Histogram {
    if (this.#histograms.length === 1 && !factors) return this.#histograms[0]!;
    const result = new Histogram();
    this.#histograms.forEach((histogram, c) => {
      result.merge(histogram, factors?.[c] ?? 1);
    });
    return result;
  }
}
