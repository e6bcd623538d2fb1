import type { Hashes } from "./probe.js";

/** What became of one host. */
export type Outcome =
  | {
      readonly name: string;
      readonly state: "ran";
      readonly version: string;
      readonly hashes: Hashes;
      seconds: number;
    }
  | { readonly name: string; readonly state: "absent" | "failed"; readonly reason: string };

/** One hash that is not the one expected. */
export interface Difference {
  readonly host: string;
  readonly job: string;
  readonly build: string;
  readonly hash: string;
}

export interface Verdict {
  /** The hash of each job: that of the first outcome which has one. */
  readonly expected: Readonly<Record<string, string>>;
  readonly differences: readonly Difference[];
  /** No host differs and none failed. */
  readonly good: boolean;
}

/** Compares the hashes of all hosts; the first that ran a job is the measure for it, so the reference comes first. */
export function compare(outcomes: readonly Outcome[]): Verdict {
  const expected: Record<string, string> = {};
  const differences: Difference[] = [];
  for (const outcome of outcomes) {
    if (outcome.state !== "ran") continue;
    for (const [job, builds] of Object.entries(outcome.hashes)) {
      for (const [build, hash] of Object.entries(builds)) {
        expected[job] ??= hash;
        if (hash !== expected[job]) differences.push({ host: outcome.name, job, build, hash });
      }
    }
  }
  const failed = outcomes.some(({ state }) => state === "failed");
  return { expected, differences, good: differences.length === 0 && !failed };
}
