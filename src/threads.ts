/**
 * Threads: workers that share one linear memory with the caller and run their share of the rows of every operation.
 * This file is loaded when a model is first asked to run with several.
 */
import { decodeBase64 } from "./base64.js";
import { instantiate } from "./engine.js";
import { EnvironmentError } from "./errors.js";
import { RELAXED_THREADS, SIMD_THREADS } from "./generated/threads.js";
import { noThreads } from "./isolation.js";
import { recordAt } from "./link.js";
import type { Model } from "./ops.js";
import { PAGE_BYTES, type Plan } from "./plan.js";
import { JOB } from "./record.js";
import { type Opened, openVariant, type Variant } from "./variant.js";

const TEXTS: Partial<Record<Variant, string>> = { relaxed: RELAXED_THREADS, simd: SIMD_THREADS };

/** What a worker needs to take part. */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of its list of op records. */
  readonly records: number;
  readonly part: number;
  readonly parts: number;
}

/** The caller's instance, and the end of the workers that share its memory. */
export interface ThreadPool extends Opened {
  readonly stop: () => void;
}

/** The part of Node's `worker_threads` that is used. */
interface NodeThreads {
  readonly Worker: new (
    text: string,
    options: { eval: true; workerData: ThreadStart },
  ) => {
    once(event: "message" | "error", listener: (value: Error) => void): void;
    unref(): void;
    terminate(): void;
  };
}

interface Thread {
  /** Fulfilled when it waits for work. */
  readonly ready: Promise<void>;
  readonly end: () => void;
}

/**
 * Starts `plan.threads` - 1 workers.
 *
 * @throws EnvironmentError where this host or the build asked for has no threads, or a worker does not start
 */
export async function startThreadPool(model: Model, plan: Plan, requested?: Variant): Promise<ThreadPool> {
  const reason = noThreads();
  if (reason) throw new EnvironmentError(reason);
  const pages = plan.memoryBytes / PAGE_BYTES;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  let module: WebAssembly.Module;
  const opened = await openVariant(requested, async (name) => {
    const text = TEXTS[name];
    if (!text) throw new EnvironmentError(`the variant "${name}" has no threads`);
    module = await WebAssembly.compile(decodeBase64(text));
    return instantiate(module, memory);
  });
  const threads: Thread[] = [];
  const stop = () => {
    Atomics.store(new Int32Array(memory.buffer), JOB / 4, -1);
    Atomics.notify(new Int32Array(memory.buffer), JOB / 4);
    for (const thread of threads) thread.end();
  };
  try {
    for (let part = 1; part < plan.threads; part++) {
      threads.push(
        start({ module: module!, memory, records: recordAt(model, 0, part), part, parts: plan.threads }),
      );
    }
    await Promise.all(threads.map(({ ready }) => ready));
  } catch (error) {
    stop();
    throw new EnvironmentError(`a thread did not start: ${(error as Error).message}`);
  }
  return { ...opened, stop };
}

function start(options: ThreadStart): Thread {
  if (typeof Worker !== "undefined") return startWeb(options);
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  const node = process?.getBuiltinModule?.("node:worker_threads") as NodeThreads | undefined;
  if (!node) throw new EnvironmentError("this host has no workers");
  return startNode(options, node);
}

function startWeb(options: ThreadStart): Thread {
  const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module" });
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) =>
      reject(new Error(event.message || "thread.js was not found beside the library"));
  });
  worker.postMessage(options);
  return { ready, end: () => worker.terminate() };
}

/** In Node the worker is text: there is no file to find. */
function startNode(options: ThreadStart, { Worker }: NodeThreads): Thread {
  const text = `const { parentPort, workerData: { module, memory, records, part, parts } } = require("node:worker_threads");
    const { work } = new WebAssembly.Instance(module, { env: { memory } }).exports;
    parentPort.postMessage(0);
    work(records, part, parts);`;
  const worker = new Worker(text, { eval: true, workerData: options });
  const ready = new Promise<void>((resolve, reject) => {
    worker.once("message", () => {
      worker.unref();
      resolve();
    });
    worker.once("error", reject);
  });
  return { ready, end: () => worker.terminate() };
}
