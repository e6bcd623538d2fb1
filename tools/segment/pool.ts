import { Worker } from "node:worker_threads";

/**
 * Gives tasks to worker threads, each the next one as soon as it has done its last. A worker that fails is replaced:
 * its task is lost, the others go on.
 *
 * @param file module of the worker: it answers every message with one message
 * @param data for the worker's `workerData`
 * @param workers at most this many
 * @param done told every outcome, an Error where the worker failed; what it throws ends all work
 */
export async function runPool<Task, Result>(
  file: URL,
  data: unknown,
  workers: number,
  tasks: readonly Task[],
  done: (index: number, outcome: Result | Error) => void,
): Promise<void> {
  let taken = 0;
  const take = () => (taken < tasks.length ? taken++ : undefined);
  const running = new Set<Worker>();

  const serve = (first: number) =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(file, { workerData: data });
      running.add(worker);
      let current = first;
      const finish = (outcome: Result | Error): number | undefined => {
        try {
          done(current, outcome);
        } catch (error) {
          reject(error);
          return undefined;
        }
        return take();
      };
      const leave = () => {
        running.delete(worker);
        void worker.terminate();
      };
      worker.on("message", (result: Result) => {
        const next = finish(result);
        if (next === undefined) {
          leave();
          resolve();
        } else {
          current = next;
          worker.postMessage(tasks[next]);
        }
      });
      const fail = (error: Error) => {
        leave();
        const next = finish(error);
        resolve(next === undefined ? undefined : serve(next));
      };
      worker.on("error", fail);
      worker.on("exit", (code) => {
        if (running.has(worker)) fail(new Error(`the worker ended with exit code ${code}`));
      });
      worker.postMessage(tasks[first]);
    });

  try {
    const firsts = Array.from({ length: Math.min(workers, tasks.length) }, () => take()!);
    await Promise.all(firsts.map(serve));
  } finally {
    for (const worker of running) void worker.terminate();
  }
}
