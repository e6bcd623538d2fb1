/** Exports of the engine in builds with threads: those of every build, and what the other threads run. */
import { JOB_END, JOB_FIRST } from "../src/record";
import { run } from "./index";
import { waitForJob } from "./thread-pool";

export * from "./index";

/** Life of a thread other than the caller's, numbered 1 to `parts` - 1: its share of every job until told to end. */
export function work(records: usize, part: i32, parts: i32): void {
  for (let job = waitForJob(0); job >= 0; job = waitForJob(job)) {
    run(records, load<i32>(JOB_FIRST), load<i32>(JOB_END), part, parts);
  }
}
