/** How engines are timed against each other: one inference of each in turn, round after round. */
import type { Runner, RunTimes } from "./runner.js";

/** The middle of some numbers, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
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

export interface Plan {
  readonly rounds: number;
  readonly repeats: number;
  /** Rounds before the first repeat that are not counted. */
  readonly warmUp: number;
}

/** What came of one engine. */
export interface Outcome {
  /** Repeats that were begun. */
  readonly samples: Samples;
  /** Why it failed on the way, where it did; what was measured before is not to be used. */
  fault?: string;
}

/**
 * Runs all engines, one inference of each in turn. A slow engine takes part in the first round of each repeat only;
 * one that fails takes part no more.
 *
 * @param onRound told before each round, counted from 0, with what came of all so far
 * @returns what came of each runner, in their order
 */
export async function interleave(
  runners: readonly Pick<Runner, "run" | "spec">[],
  { rounds, repeats, warmUp }: Plan,
  onRound: (round: number, all: number, outcomes: readonly Outcome[]) => void = () => {},
): Promise<Outcome[]> {
  const outcomes = runners.map((): Outcome => ({ samples: [] }));
  const all = warmUp + repeats * rounds;
  for (let round = 0; round < all; round++) {
    onRound(round, all, outcomes);
    const counted = round - warmUp;
    for (const [index, runner] of runners.entries()) {
      const outcome = outcomes[index]!;
      if (outcome.fault !== undefined) continue;
      if (runner.spec.isSlow && (counted < 0 || counted % rounds !== 0)) continue;
      try {
        const times = await runner.run();
        if (counted >= 0) (outcome.samples[Math.floor(counted / rounds)] ??= []).push(times);
      } catch (error) {
        outcome.fault = oneLine(error);
      }
    }
  }
  return outcomes;
}

/** The first line of an error. */
export function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}

/** Share of equal entries of two masks of the same length, 0..1. */
export function agreement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return 0;
  let equal = 0;
  for (let at = 0; at < a.length; at++) if (a[at] === b[at]) equal++;
  return equal / a.length;
}
