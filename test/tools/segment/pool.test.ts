import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { runPool } from "../../../tools/segment/pool.js";

const file = join(mkdtempSync(join(tmpdir(), "attendseg-pool-")), "worker.mjs");
writeFileSync(
  file,
  `import { parentPort, threadId, workerData } from "node:worker_threads";
parentPort.on("message", (task) => {
  if (task === "throw") throw new Error("thrown");
  if (task === "leave") process.exit(3);
  setTimeout(() => parentPort.postMessage({ task, threadId, workerData }), task === "slow" ? 200 : 0);
});`,
);
const worker = pathToFileURL(file);

/** What became of each task, and how many workers worked. */
async function run(tasks: readonly string[], workers: number) {
  const outcomes: string[] = [];
  const threads = new Set<number>();
  await runPool<string, { task: string; threadId: number; workerData: string }>(
    worker,
    "data",
    workers,
    tasks,
    (index, outcome) => {
      expect(outcomes[index]).toBeUndefined();
      if (outcome instanceof Error) outcomes[index] = outcome.message;
      else {
        outcomes[index] = `${outcome.task} ${outcome.workerData}`;
        threads.add(outcome.threadId);
      }
    },
  );
  return { outcomes, threads: threads.size };
}

test("every task is done once, by as many workers as allowed", async () => {
  const tasks = Array.from({ length: 30 }, (_, index) => (index < 3 ? "slow" : `task ${index}`));
  const { outcomes, threads } = await run(tasks, 3);
  expect(outcomes).toEqual(tasks.map((task) => `${task} data`));
  expect(threads).toBe(3);
  expect(await run(["a", "b"], 16)).toMatchObject({ outcomes: ["a data", "b data"] });
  expect(await run([], 2)).toEqual({ outcomes: [], threads: 0 });
});

test("a worker that fails or goes away loses its own task only", async () => {
  const tasks = ["a", "throw", "b", "leave", "c", "throw", "throw"];
  for (const workers of [1, 2]) {
    const { outcomes } = await run(tasks, workers);
    const gone = "the worker ended with exit code 3";
    expect(outcomes).toEqual(["a data", "thrown", "b data", gone, "c data", "thrown", "thrown"]);
  }
});

test("an error of the caller ends all work", async () => {
  let told = 0;
  const tasks = Array.from({ length: 1000 }, () => "task");
  const pool = runPool(worker, "", 2, tasks, () => {
    told++;
    throw new Error("the disk is full");
  });
  await expect(pool).rejects.toThrow("the disk is full");
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(told).toBeLessThanOrEqual(2);
});
