/**
 * Threads: workers that share one linear memory with the caller and run their share of the rows of every operation.
 * This file is loaded when a model is first asked to run with several.
 */
import { type EngineExports, instantiate } from "./engine.js";
import { EnvironmentError } from "./errors.js";
import { RELAXED_THREADS, SIMD_THREADS } from "./generated/threads.js";
import { recordAt } from "./link.js";
import type { Model } from "./model.js";
import { PAGE_BYTES, type Plan } from "./plan.js";
import { JOB } from "./record.js";
import { openVariant, type Variant } from "./variant.js";

const TEXTS: Partial<Record<Variant, string>> = { relaxed: RELAXED_THREADS, simd: SIMD_THREADS };

/** What a worker needs to take part. */
export interface Share {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of its list of op records. */
  readonly records: number;
  readonly part: number;
  readonly parts: number;
}

/** The caller's instance, and the end of the workers. */
export interface Crew {
  readonly variant: Variant;
  readonly exports: EngineExports;
  readonly stop: () => void;
}

/** The part of Node's `worker_threads` that is used. */
interface NodeThreads {
  readonly Worker: new (
    text: string,
    options: { eval: true; workerData: Share },
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

/** Why there can be no threads here and what would help, or undefined where there can. */
export function noThreads(scope: { crossOriginIsolated?: boolean } = globalThis): string | undefined {
  if (scope.crossOriginIsolated === false) {
    return "threads need cross-origin isolation (COOP and COEP headers)";
  }
  return typeof SharedArrayBuffer === "undefined" ? "this host has no shared memory" : undefined;
}

/** Starts `plan.threads` - 1 workers; where there can be none, the result says why. */
export async function tryCrew(model: Model, plan: Plan, asked?: Variant): Promise<Crew | string> {
  try {
    return await startCrew(model, plan, asked);
  } catch (error) {
    if (error instanceof EnvironmentError) return error.message;
    throw error;
  }
}

/**
 * Starts the workers.
 *
 * @throws EnvironmentError where this host has no threads or a worker does not start
 */
async function startCrew(model: Model, plan: Plan, asked?: Variant): Promise<Crew> {
  const reason = noThreads();
  if (reason) throw new EnvironmentError(reason);
  const pages = plan.memoryBytes / PAGE_BYTES;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  let module: WebAssembly.Module;
  const { variant, exports } = await openVariant(asked, async (name) => {
    const text = TEXTS[name];
    if (!text) throw new EnvironmentError(`the variant "${name}" has no threads`);
    module = await WebAssembly.compile(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
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
  return { variant, exports, stop };
}

function start(share: Share): Thread {
  if (typeof Worker !== "undefined") return startWeb(share);
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  const node = process?.getBuiltinModule?.("node:worker_threads") as NodeThreads | undefined;
  if (!node) throw new EnvironmentError("this host has no workers");
  return startNode(share, node);
}

function startWeb(share: Share): Thread {
  const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module" });
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) =>
      reject(new Error(event.message || "thread.js was not found beside the library"));
  });
  worker.postMessage(share);
  return { ready, end: () => worker.terminate() };
}

/** In Node the worker is text: there is no file to find. */
function startNode(share: Share, { Worker }: NodeThreads): Thread {
  const text = `const { parentPort, workerData: { module, memory, records, part, parts } } = require("node:worker_threads");
    const { work } = new WebAssembly.Instance(module, { env: { memory } }).exports;
    parentPort.postMessage(0);
    work(records, part, parts);`;
  const worker = new Worker(text, { eval: true, workerData: share });
  const ready = new Promise<void>((resolve, reject) => {
    worker.once("message", () => {
      worker.unref();
      resolve();
    });
    worker.once("error", reject);
  });
  return { ready, end: () => worker.terminate() };
}
