/**
 * Threads: workers that share one linear memory with the caller and run their share of the rows of every operation.
 * This file is loaded when a model is first asked to run with several.
 */
import { decodeBase64 } from "./base64.js";
import { instantiate, withMemory } from "./engine.js";
import { EnvironmentError } from "./errors.js";
import { watch } from "./garbage.js";
import { RELAXED_THREADS, SIMD_THREADS } from "./generated/threads.js";
import { noThreads } from "./isolation.js";
import { recordAt } from "./link.js";
import type { Model } from "./ops.js";
import { PAGE_BYTES, type Plan } from "./plan.js";
import { JOB } from "./record.js";
import { startWorker, type WorkerSource } from "./start-worker.js";
import { type Opened, openVariant, type Variant } from "./variant.js";

const TEXTS: Partial<Record<Variant, string>> = { relaxed: RELAXED_THREADS, simd: SIMD_THREADS };

/** A worker that has not started after so long will not. */
const START_MILLISECONDS = 15_000;

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
  /** Stops it once nothing refers to its owner any more. */
  readonly endWith: (owner: object) => void;
  /** @throws EnvironmentError if a worker has died: waiting for its share of the work would have no end */
  readonly expectAlive: () => void;
}

/** The part of Node's `worker_threads` that is used. */
interface NodeThreads {
  readonly Worker: new (
    text: string,
    options: { eval: true; execArgv: []; workerData: ThreadStart },
  ) => {
    once(event: "message" | "error" | "exit", listener: (value: Error) => void): void;
    unref(): void;
    terminate(): void;
  };
}

interface Thread {
  /** Fulfilled when it waits for work, rejected when it dies before or after. */
  readonly ready: Promise<void>;
  readonly died: Promise<Error>;
  readonly end: () => void;
}

/**
 * Starts `plan.threads` - 1 workers.
 *
 * @param worker the script of a worker, in web-like hosts; default: thread.js beside the library
 * @throws EnvironmentError where this host or the build asked for has no threads, or a worker does not start
 */
export async function startThreadPool(
  model: Model,
  plan: Plan,
  requested?: Variant,
  worker?: WorkerSource,
): Promise<ThreadPool> {
  const reason = noThreads();
  if (reason) throw new EnvironmentError(reason);
  const pages = plan.memoryBytes / PAGE_BYTES;
  const memory = withMemory(() => new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
  let module: WebAssembly.Module;
  const opened = await openVariant(requested, async (name) => {
    const text = TEXTS[name];
    if (!text) throw new EnvironmentError(`the variant "${name}" has no threads`);
    module = await WebAssembly.compile(decodeBase64(text));
    return instantiate(module, memory);
  });
  const threads: Thread[] = [];
  let dead: Error | undefined;
  const stop = () => {
    Atomics.store(new Int32Array(memory.buffer), JOB / 4, -1);
    Atomics.notify(new Int32Array(memory.buffer), JOB / 4);
    for (const thread of threads) thread.end();
  };
  try {
    for (let part = 1; part < plan.threads; part++) {
      const records = recordAt(model, 0, part);
      const thread = start({ module: module!, memory, records, part, parts: plan.threads }, worker);
      threads.push(thread);
      void thread.died.then((error) => {
        dead ??= error;
      });
    }
    await Promise.race([Promise.all(threads.map(({ ready }) => ready)), timeUp()]);
  } catch (error) {
    stop();
    throw new EnvironmentError(`a thread did not start: ${(error as Error).message}`);
  }
  const expectAlive = () => {
    if (dead) throw new EnvironmentError(`a thread of this segmenter has ended: ${dead.message}`);
  };
  return { ...opened, stop, endWith: (owner) => watch(owner, stop), expectAlive };
}

function start(options: ThreadStart, worker?: WorkerSource): Thread {
  if (typeof Worker !== "undefined") return startWeb(options, worker);
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  const node = process?.getBuiltinModule?.("node:worker_threads") as NodeThreads | undefined;
  if (!node) throw new EnvironmentError("this host has no workers");
  return startNode(options, node);
}

function startWeb(options: ThreadStart, given?: WorkerSource): Thread {
  const here = import.meta.url;
  const worker = startWorker(
    () => new Worker(new URL("./thread.js", import.meta.url), { type: "module" }),
    () => new URL("./thread.js", here),
    given,
  );
  const died = new Promise<Error>((resolve) => {
    worker.onerror = ({ message }) => resolve(new Error(message || MISSING));
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    void died.then(reject);
  });
  worker.postMessage(options);
  return { ready, died, end: () => worker.terminate() };
}

/** Browsers queue a worker beyond their limit without a word. */
function timeUp(): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => reject(new Error("nothing came from it in time")), START_MILLISECONDS);
    // Node shall not wait for it
    (timer as { unref?: () => void }).unref?.();
  });
}

const MISSING =
  'thread.js was not found beside the library: serve it there, or pass "threadWorker", its address';

/** In Node the worker is text: there is no file to find. It does not take over --input-type=module. */
function startNode(options: ThreadStart, { Worker }: NodeThreads): Thread {
  const text = `const { parentPort, workerData: { module, memory, records, part, parts } } = require("node:worker_threads");
    const { work } = new WebAssembly.Instance(module, { env: { memory } }).exports;
    parentPort.postMessage(0);
    work(records, part, parts);`;
  const worker = new Worker(text, { eval: true, execArgv: [], workerData: options });
  const died = new Promise<Error>((resolve) => {
    worker.once("error", resolve);
    worker.once("exit", () => resolve(new Error("its worker has exited")));
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.once("message", () => {
      worker.unref();
      resolve();
    });
    void died.then(reject);
  });
  return { ready, died, end: () => worker.terminate() };
}
