/**
 * Threads of one engine, in builds with shared memory: every thread runs its share of the rows of each operation,
 * and all wait at a barrier before the next one. The words they agree by lie at fixed addresses: src/record.ts.
 */
import * as r from "../src/record";

/** Looks at the next job this often before a thread goes to sleep on it. */
const JOB_SPINS = 20000;

/**
 * Looks at a barrier this often, some milliseconds: two threads that have woken on one core and sleep by turns look
 * to the scheduler like one, and stay there while the other core is idle.
 */
const BARRIER_SPINS = 1000000;

/** Starts a job for the threads that wait in `waitForJob`: operations `first`..`end`. */
export function startJob(first: i32, end: i32): void {
  store<i32>(r.JOB_FIRST, first);
  store<i32>(r.JOB_END, end);
  store<i32>(r.JOB_ARRIVALS, atomic.load<i32>(r.ARRIVALS));
  atomic.add<i32>(r.JOB, 1);
  atomic.notify(r.JOB, -1);
}

/** Waits for a job other than number `done` and returns its number, which is negative when the thread shall end. */
export function waitForJob(done: i32): i32 {
  let job = atomic.load<i32>(r.JOB);
  for (let spin = 0; job == done && spin < JOB_SPINS; spin++) job = atomic.load<i32>(r.JOB);
  while (job == done) {
    atomic.wait<i32>(r.JOB, done, -1);
    job = atomic.load<i32>(r.JOB);
  }
  return job;
}

/**
 * Returns when all threads have come here.
 *
 * @param count arrivals since the job began that this takes: threads * barriers so far, this one included
 * @param sleeps whether this thread may sleep; a page's main thread may not
 */
export function barrier(count: i32, sleeps: bool): void {
  const goal = load<i32>(r.JOB_ARRIVALS) + count;
  let arrived = atomic.add<i32>(r.ARRIVALS, 1) + 1;
  if (arrived == goal) {
    atomic.notify(r.ARRIVALS, -1);
    return;
  }
  for (let spin = 0; arrived - goal < 0; spin++) {
    if (sleeps && spin > BARRIER_SPINS) atomic.wait<i32>(r.ARRIVALS, arrived, -1);
    arrived = atomic.load<i32>(r.ARRIVALS);
  }
}
