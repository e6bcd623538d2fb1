/** How engines are timed against each other: one inference of each in turn, round after round. */
import type { Runner } from "./runner.js";
import type { Samples } from "./statistics.js";

/** How often each engine has its turn. */
export interface Schedule {
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
  { rounds, repeats, warmUp }: Schedule,
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
