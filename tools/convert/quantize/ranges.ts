/** Ranges of activations: what calibration collects, and the methods that turn it into a range. */
import type { Bounds } from "./numbers.js";

const BINS = 4096;

/** Methods to choose the range of a tensor from its histogram. */
export const METHODS = ["min-max", "99.999 %", "99.99 %", "99.9 %", "mse"] as const;
export type Method = (typeof METHODS)[number];

/** A histogram over -limit..limit that doubles its limit when a larger value comes. */
export class Histogram {
  min = Infinity;
  max = -Infinity;
  private limit = 0;
  private counts = new Float64Array(BINS);
  private total = 0;

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
    const perUnit = BINS / 2 / this.limit;
    for (let i = 0; i < values.length; i++) {
      this.counts[Math.min(BINS - 1, Math.floor((values[i]! + this.limit) * perUnit))]!++;
    }
    this.total += values.length;
  }

  private widen(): void {
    const counts = new Float64Array(BINS);
    for (let bin = 0; bin < BINS; bin++) counts[BINS / 4 + (bin >> 1)]! += this.counts[bin]!;
    this.counts = counts;
    this.limit *= 2;
  }

  /** Centre of a bin, real number. */
  private centre(bin: number): number {
    return ((2 * bin + 1) / BINS - 1) * this.limit;
  }

  /** The range that leaves out the share `1 - share` of all values, half of it at either end that has a tail. */
  percentile(share: number): Bounds {
    const isOneSided = this.min >= 0 || this.max <= 0;
    const spare = (this.total * (1 - share)) / (isOneSided ? 1 : 2);
    let [first, last] = [0, BINS - 1];
    for (let below = this.counts[first]!; below <= spare && first < last; below += this.counts[first]!)
      first++;
    for (let above = this.counts[last]!; above <= spare && last > first; above += this.counts[last]!) last--;
    return {
      min: this.min >= 0 ? this.min : Math.max(this.min, this.centre(first) - this.limit / BINS),
      max: this.max <= 0 ? this.max : Math.min(this.max, this.centre(last) + this.limit / BINS),
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
    for (let bin = 0; bin < BINS; bin++) {
      const count = this.counts[bin]!;
      if (count === 0) continue;
      const value = this.centre(bin);
      const beyond = value < min ? min - value : value > max ? value - max : 0;
      const isZero = Math.abs(value) <= this.limit / BINS;
      if (!isZero) sum += count * (beyond * beyond + (step * step) / 12);
    }
    return sum;
  }

  range(method: Method, levels: number): Bounds {
    if (this.total === 0) return { min: 0, max: 0 };
    if (method === "min-max") return { min: this.min, max: this.max };
    if (method === "mse") return this.leastSquares(levels);
    return this.percentile(Number.parseFloat(method) / 100);
  }
}
