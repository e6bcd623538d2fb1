/** Ranges of activations: what calibration collects, and the methods that turn it into a range. */
import type { Bounds } from "./numbers.js";

const BINS = 4096;

/** Methods to choose the range of a tensor from its histogram. */
export const METHODS = ["min-max", "99.999 %", "99.99 %", "99.9 %", "mse"] as const;
export type Method = (typeof METHODS)[number];

/** Values of a function, one for each bin of a histogram. */
export type Sampled = Float32Array;

/** A histogram over -limit..limit that doubles its limit when a larger value comes. */
export class Histogram {
  min = Infinity;
  max = -Infinity;
  private limit = 0;
  private counts: Float64Array;
  private total = 0;

  /** @param bins that divide the range, a multiple of 4 */
  constructor(private readonly bins = BINS) {
    this.counts = new Float64Array(bins);
  }

  add(values: ArrayLike<number>): void {
    let { min, max } = this;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (!Number.isFinite(min) || !Number.isFinite(max)) return;
    this.min = min;
    this.max = max;
    const largest = Math.max(-min, max, 1e-30);
    if (this.limit === 0) this.limit = largest;
    while (this.limit < largest) this.widen();
    const perUnit = this.bins / 2 / this.limit;
    for (let i = 0; i < values.length; i++) {
      this.counts[Math.min(this.bins - 1, Math.floor((values[i]! + this.limit) * perUnit))]!++;
    }
    this.total += values.length;
  }

  /** Adds another histogram with its values multiplied by a positive factor. */
  merge(other: Histogram, factor: number): void {
    if (other.total === 0) return;
    this.min = Math.min(this.min, other.min * factor);
    this.max = Math.max(this.max, other.max * factor);
    const largest = Math.max(-this.min, this.max, 1e-30);
    if (this.limit === 0) this.limit = largest;
    while (this.limit < largest) this.widen();
    const perUnit = this.bins / 2 / this.limit;
    other.counts.forEach((count, bin) => {
      if (count === 0) return;
      const at = Math.floor((other.center(bin) * factor + this.limit) * perUnit);
      this.counts[Math.min(Math.max(at, 0), this.bins - 1)]! += count;
    });
    this.total += other.total;
  }

  private widen(): void {
    const counts = new Float64Array(this.bins);
    for (let bin = 0; bin < this.bins; bin++) counts[this.bins / 4 + (bin >> 1)]! += this.counts[bin]!;
    this.counts = counts;
    this.limit *= 2;
  }

  /** Centre of a bin, real number. */
  private center(bin: number): number {
    return ((2 * bin + 1) / this.bins - 1) * this.limit;
  }

  /** The range that leaves out the share `1 - share` of all values, half of it at either end that has a tail. */
  percentile(share: number): Bounds {
    const isOneSided = this.min >= 0 || this.max <= 0;
    const spare = (this.total * (1 - share)) / (isOneSided ? 1 : 2);
    let [first, last] = [0, this.bins - 1];
    for (let below = this.counts[first]!; below <= spare && first < last; below += this.counts[first]!)
      first++;
    for (let above = this.counts[last]!; above <= spare && last > first; above += this.counts[last]!) last--;
    return {
      min: this.min >= 0 ? this.min : Math.max(this.min, this.center(first) - this.limit / this.bins),
      max: this.max <= 0 ? this.max : Math.min(this.max, this.center(last) + this.limit / this.bins),
    };
  }

  /** The range, shrunk from either end, that makes the mean square error of `levels` steps least. */
  leastSquares(levels: number): Bounds {
    let best: Bounds = { min: this.min, max: this.max };
    let least = Infinity;
    const [low, high] = [Math.min(0, this.min), Math.max(0, this.max)];
    for (let shrink = 40; shrink >= 8; shrink--) {
      for (const [left, right] of [
        [shrink, shrink],
        [40, shrink],
        [shrink, 40],
      ] as const) {
        const range = { min: (low * left) / 40, max: (high * right) / 40 };
        const error = this.squareError(range, levels);
        if (error < least) [least, best] = [error, range];
      }
    }
    return best;
  }

  private squareError({ min, max }: Bounds, levels: number): number {
    const step = (max - min) / levels;
    if (step <= 0) return Infinity;
    let sum = 0;
    for (let bin = 0; bin < this.bins; bin++) {
      const count = this.counts[bin]!;
      if (count === 0) continue;
      const value = this.center(bin);
      const beyond = value < min ? min - value : value > max ? value - max : 0;
      const isZero = Math.abs(value) <= this.limit / this.bins;
      if (!isZero) sum += count * (beyond * beyond + (step * step) / 12);
    }
    return sum;
  }

  /**
   * A range shrunk from either end as far as that lowers the mean square error of functions of the values, which are all
   * that is read of them: where a function is flat, what is beyond the range is not missed.
   */
  throughFunctions(range: Bounds, levels: number, functions: readonly Sampled[]): Bounds {
    let [best, least] = [range, this.functionError(range, levels, functions)];
    for (const end of ["min", "max"] as const) {
      const whole = best[end];
      for (let shrink = 39; shrink > 2; shrink--) {
        const tried = { ...best, [end]: (whole * shrink) / 40 };
        const error = this.functionError(tried, levels, functions);
        if (error < least) [best, least] = [tried, error];
      }
    }
    return best;
  }

  private functionError({ min, max }: Bounds, levels: number, functions: readonly Sampled[]): number {
    const [low, high] = [Math.min(0, min), Math.max(0, max)];
    const step = (high - low) / levels;
    if (step <= 0) return Infinity;
    const binOf = (value: number): number =>
      Math.min(this.bins - 1, Math.max(0, ((value / this.limit + 1) * this.bins) / 2 - 0.5));
    let sum = 0;
    for (let bin = 0; bin < this.bins; bin++) {
      const count = this.counts[bin]!;
      if (count === 0) continue;
      const value = this.center(bin);
      const read = Math.min(Math.max(Math.round(value / step) * step, low), high);
      const place = binOf(read);
      const first = Math.floor(place);
      for (const sampled of functions) {
        const next = sampled[Math.min(first + 1, this.bins - 1)]!;
        const got = sampled[first]! + (place - first) * (next - sampled[first]!);
        sum += count * (got - sampled[bin]!) ** 2;
      }
    }
    return sum;
  }

  /** The middle of every bin. */
  centers(): Float64Array {
    return Float64Array.from({ length: this.bins }, (_, bin) => this.center(bin));
  }

  range(method: Method, levels: number): Bounds {
    if (this.total === 0) return { min: 0, max: 0 };
    if (method === "min-max") return { min: this.min, max: this.max };
    if (method === "mse") return this.leastSquares(levels);
    return this.percentile(Number.parseFloat(method) / 100);
  }
}
