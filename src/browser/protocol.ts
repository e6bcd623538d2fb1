/**
 * Messages between an AsyncSegmenter and its worker. Each request has an id of its own and is ended by one reply:
 * `loaded`, `segmented`, `aborted` or `failed`; `progress` may come before it.
 */

import { EnvironmentError, ModelError } from "../errors.js";
import type { Image } from "../image.js";
import type { Color } from "../metadata.js";
import type { LoadOptions, Segmentation, SegmenterInfo, SegmentOptions } from "../segmenter.js";
import type { ThreadSupport } from "./threads.js";

/** An image that can be handed to another thread without a copy; who receives it closes it. */
export type Frame = ImageBitmap | VideoFrame;

/** What the worker is told to load with. */
export interface WorkerLoadOptions
  extends Pick<
    LoadOptions,
    "width" | "height" | "variant" | "module" | "threads" | "maxImageWidth" | "maxImageHeight"
  > {
  /** Address of the script of the threads' workers, where it does not lie beside worker.js as thread.js. */
  readonly threadWorker?: string | URL | undefined;
}

/** What the worker is told to segment with. */
export interface WorkerSegmentOptions extends Omit<SegmentOptions, "out"> {
  /** Report progress. */
  readonly progress?: boolean | undefined;
  /** Hand the frame back with the result instead of closing it. */
  readonly keepFrame?: boolean | undefined;
}

/** A segmenter's facts, with those of the thread it runs in. */
export interface AsyncSegmenterInfo extends SegmenterInfo, ThreadSupport {
  /** Why there are not more threads, and what would help; absent where there can be or are. */
  readonly noThreads?: string;
}

/** A mask, with what it took to make it. */
export interface AsyncSegmentation extends Segmentation {
  /** Milliseconds of each operation, in the order of `info.ops`: [ops]. */
  readonly milliseconds: Float64Array;
  /** The frame that was segmented, if it was asked for: close it when done. */
  readonly frame?: Frame;
}

export type Request =
  | { type: "load"; id: number; bytes: Uint8Array; options: WorkerLoadOptions }
  | { type: "segment"; id: number; image: Image | Frame; options: WorkerSegmentOptions }
  | { type: "abort"; id: number };

export type Reply =
  | {
      type: "loaded";
      id: number;
      classes: readonly string[];
      palette: readonly Color[];
      info: AsyncSegmenterInfo;
    }
  | { type: "progress"; id: number; done: number; total: number }
  | { type: "segmented"; id: number; result: AsyncSegmentation }
  /** The request was given up after `done` operations. */
  | { type: "aborted"; id: number; done: number }
  | { type: "failed"; id: number; error: ErrorFacts };

/** What of an error crosses from one thread to another. */
export interface ErrorFacts {
  readonly name: string;
  readonly message: string;
}

/** One end of the wire: a Worker, the global scope of one, or a MessagePort. */
export interface Endpoint {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
}

const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  ModelError,
  EnvironmentError,
  RangeError,
  TypeError,
};

/** Name and message of anything thrown. */
export function errorFacts(error: unknown): ErrorFacts {
  const { name = "Error", message = String(error) } = Object(error) as Partial<Error>;
  return { name, message };
}

/** An error of the class that was thrown in the other thread; of an unknown class an Error of that name. */
export function reviveError({ name, message }: ErrorFacts): Error {
  const known = CLASSES[name];
  return known ? new known(message) : Object.assign(new Error(message), { name });
}

/** Whether an image is a frame, which belongs to one thread at a time and must be closed. */
export function isFrame(image: unknown): image is Frame {
  return typeof (image as Frame | null)?.close === "function";
}
