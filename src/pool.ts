/** Several segmenters in worker threads of Node, for many images at once. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { AsyncSegmenter } from "./browser/async-segmenter.js";
import type { WorkerEndpoint } from "./browser/client.js";
import { expectInteger } from "./errors.js";
import type { Image } from "./image.js";
import type { Color } from "./metadata.js";
import type { LoadOptions, Segmentation, SegmenterInfo, SegmentOptions } from "./segmenter.js";
import { readSource, type Source } from "./source.js";

export type { Image, LoadOptions, Segmentation, SegmenterInfo, SegmentOptions, Source };

/** What `SegmenterPool.load` takes beside the model. */
export interface PoolOptions extends Omit<LoadOptions, "module" | "threads" | "threadWorker"> {
  /** Workers, 1 to 256; default: one for each core. */
  readonly workers?: number | undefined;
}

/** What the pool's `segment` takes beside the image. */
export interface PoolSegmentOptions extends Omit<SegmentOptions, "out"> {
  /** Gives the image up: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Hand `image.data` to the worker instead of copying it; it is empty afterwards. */
  readonly transfer?: boolean | undefined;
}

/** One worker, with the segmenter in it once that is loaded. */
interface Member {
  readonly thread: PoolThread;
  readonly segmenter: Promise<AsyncSegmenter>;
}

/** Workers that take images in the order of the calls, each the next one as soon as it is free. */
export class SegmenterPool {
  /** Name of each class id. */
  readonly classes: readonly string[];
  /** Color of each class id. */
  readonly palette: readonly Color[];
  /** Facts of the model and the engine of one worker. */
  readonly info: SegmenterInfo;
  readonly #start: () => Member;
  readonly #idle: Member[];
  readonly #busy = new Set<Member>();
  /** Calls that wait for a worker, first come first. */
  readonly #waiting: ((member: Member) => void)[] = [];
  #disposed = false;

  private constructor(start: () => Member, members: Member[], first: AsyncSegmenter) {
    this.#start = start;
    this.#idle = members;
    this.classes = first.classes;
    this.palette = first.palette;
    const { isolated: _, noThreads: __, ...info } = first.info;
    this.info = info;
  }

  /**
   * Loads a model into every worker.
   *
   * @throws as `Segmenter.load`
   */
  static async load(source: Source, options: PoolOptions = {}): Promise<SegmenterPool> {
    const { workers = availableParallelism(), signal, onProgress, ...rest } = options;
    expectInteger("workers", workers, 1, 256);
    const bytes = await readSource(source, { signal, onProgress });
    const start = (): Member => {
      const thread = new PoolThread();
      const segmenter = AsyncSegmenter.load(bytes, { ...rest, worker: thread });
      // whoever waits for it is told
      segmenter.catch(() => {});
      return { thread, segmenter };
    };
    const members = Array.from({ length: workers }, start);
    try {
      const [first] = await Promise.all(members.map(({ segmenter }) => segmenter));
      for (const { thread } of members) thread.rest();
      return new SegmenterPool(start, members, first!);
    } catch (error) {
      for (const { thread } of members) thread.terminate();
      throw error;
    }
  }

  /**
   * Segments an image in the next worker that is free. A worker that dies is replaced; only its image is lost.
   *
   * @throws (rejects) as `Segmenter.segment`, the reason of `signal`, Error if the worker died
   */
  async segment(image: Image, options: PoolSegmentOptions = {}): Promise<Segmentation> {
    if (this.#disposed) throw new Error(DISPOSED);
    const member =
      this.#idle.shift() ?? (await new Promise<Member>((resolve) => this.#waiting.push(resolve)));
    if (this.#disposed) throw new Error(DISPOSED);
    this.#busy.add(member);
    member.thread.work();
    try {
      const segmenter = await member.segmenter;
      const { milliseconds: _, frame: __, ...result } = await segmenter.segmentAsync(image, options);
      return result;
    } finally {
      this.#release(member);
    }
  }

  /** Ends all workers; what is pending is rejected. */
  dispose(): void {
    this.#disposed = true;
    for (const member of [...this.#idle.splice(0), ...this.#busy]) {
      void member.segmenter.then(
        (segmenter) => segmenter.dispose(),
        () => {},
      );
      member.thread.terminate();
      // their calls see that the pool is disposed
      for (const resolve of this.#waiting.splice(0)) resolve(member);
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #release(member: Member): void {
    this.#busy.delete(member);
    if (this.#disposed) return;
    const next = member.thread.isDead ? this.#start() : member;
    next.thread.rest();
    const resolve = this.#waiting.shift();
    if (resolve) resolve(next);
    else this.#idle.push(next);
  }
}

const DISPOSED = "the pool is disposed";

/** A worker thread of Node in the form of a web worker. It keeps the process alive only while it works. */
class PoolThread implements WorkerEndpoint {
  readonly #worker = new Worker(new URL("./pool-worker.js", import.meta.url));
  isDead = false;

  postMessage(message: unknown, transfer: Transferable[]): void {
    this.#worker.postMessage(message, transfer as ArrayBuffer[]);
  }

  addEventListener(type: string, listener: (event: Event) => void): void {
    const tell = (event: object) => listener(event as Event);
    if (type === "message") this.#worker.on("message", (data) => tell({ data }));
    if (type !== "error") return;
    this.#worker.on("error", (error) => {
      this.isDead = true;
      tell({ message: error.message });
    });
    this.#worker.on("exit", (code) => {
      if (!this.isDead) tell({ message: `it ended with exit code ${code}` });
      this.isDead = true;
    });
  }

  work(): void {
    this.#worker.ref();
  }

  rest(): void {
    this.#worker.unref();
  }

  terminate(): void {
    this.isDead = true;
    void this.#worker.terminate();
  }
}
