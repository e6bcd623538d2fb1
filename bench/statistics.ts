/** What is made of times and masks. */
import { median } from "../tools/common/statistics.js";

/**
 * Times of an inference, milliseconds: wall time of one, and CPU time of all threads of the engine's process, the mean of
 * that one and those that led up to it.
 */
export interface RunTimes {
  readonly wall: number;
  readonly cpu: number;
}

/** Times of one engine, by repeat and round. */
export type Samples = RunTimes[][];

/** One quantity of all repeats, milliseconds. */
export interface Summary {
  /** Median over the repeats of each repeat's median. */
  readonly median: number;
  readonly min: number;
  /** Least and largest median of a repeat. */
  readonly spread: readonly [number, number];
}

/** Sums up wall or CPU time. */
export function summarize(samples: Samples, field: keyof RunTimes): Summary {
  const medians = samples.map((repeat) => median(repeat.map((times) => times[field])));
  return {
    median: median(medians),
    min: Math.min(...samples.flat().map((times) => times[field])),
    spread: [Math.min(...medians), Math.max(...medians)],
  };
}

/** CPU time where the system told it, else wall time. */
export function quantityOf(samples: Samples): keyof RunTimes {
  return Number.isFinite(samples[0]?.[0]?.cpu) ? "cpu" : "wall";
}

/** Share of equal entries of two masks of the same length, 0..1. */
export function agreement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return 0;
  let equal = 0;
  for (let at = 0; at < a.length; at++) if (a[at] === b[at]) equal++;
  return equal / a.length;
}

/** Three significant digits; "-" of what is no number. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return "-";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
