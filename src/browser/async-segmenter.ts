import { EnvironmentError, tagOf } from "../errors.js";
import * as garbage from "../garbage.js";
import { expectImage, type Image } from "../image.js";
import type { Color } from "../metadata.js";
import type { SegmentOptions } from "../segmenter.js";
import { readSource, type Source, type SourceOptions } from "../source.js";
import { startWorker, type WorkerSource } from "../start-worker.js";
import { WorkerClient, type WorkerEndpoint } from "./client.js";
import { type Drawable, decodeImage, sizeOf } from "./image.js";
import {
  type AsyncSegmentation,
  type AsyncSegmenterInfo,
  type Frame,
  isFrame,
  type WorkerLoadOptions,
} from "./protocol.js";

/** What `AsyncSegmenter.load` takes beside the model. */
export interface AsyncLoadOptions extends SourceOptions, WorkerLoadOptions {
  /**
   * A worker that runs the script `attendseg/worker`, which then belongs to this segmenter, the address of that
   * script, or a function that starts one; default: the file worker.js beside this one.
   */
  readonly worker?: WorkerEndpoint | WorkerSource | undefined;
}

/** What `segmentAsync` takes beside the image. */
export interface AsyncSegmentOptions extends Omit<SegmentOptions, "out"> {
  /** Gives the image up: the promise rejects with the signal's reason, the worker stops between operations. */
  readonly signal?: AbortSignal | undefined;
  /** Told the operations done and all of them, every few milliseconds. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Hand `image.data` to the worker instead of copying it; it is empty afterwards. */
  readonly transfer?: boolean | undefined;
  /** Return a frame (ImageBitmap, VideoFrame) with the result, to be drawn and closed, instead of closing it. */
  readonly keepFrame?: boolean | undefined;
}

/** A segmenter in a module worker: the page stays responsive, and an image can be given up halfway. */
export class AsyncSegmenter {
  /** Name of each class id. */
  readonly classes: readonly string[];
  /** Colour of each class id. */
  readonly palette: readonly Color[];
  /** Facts of model, engine and threads. */
  readonly info: AsyncSegmenterInfo;
  readonly #client: WorkerClient;

  private constructor(
    client: WorkerClient,
    classes: readonly string[],
    palette: readonly Color[],
    info: AsyncSegmenterInfo,
  ) {
    this.#client = client;
    this.classes = classes;
    this.palette = palette;
    this.info = info;
    garbage.watch(this, () => client.close(new Error("this segmenter was lost")));
  }

  /**
   * Fetches a model and loads it in a worker. A signal that fires ends the worker, one that was passed too.
   *
   * @throws as `Segmenter.load`; EnvironmentError if there are no module workers or the script is not found
   */
  static async load(source: Source, options: AsyncLoadOptions = {}): Promise<AsyncSegmenter> {
    const { signal, onProgress, worker, threadWorker, ...rest } = options;
    if (typeof threadWorker === "function") {
      throw new TypeError(
        '"threadWorker" expected an address: the worker of this segmenter starts the threads',
      );
    }
    signal?.throwIfAborted();
    const client = new WorkerClient(isEndpoint(worker) ? worker : openWorker(worker));
    try {
      const bytes = (await readSource(source, { signal, onProgress })).slice();
      const script = threadWorker && new URL(threadWorker, globalThis.location?.href).href;
      const question = { type: "load", bytes, options: { ...rest, threadWorker: script } } as const;
      const reply = await client.ask(question, [bytes.buffer as ArrayBuffer], { signal });
      if (reply.type !== "loaded") throw new Error(`the worker answered "${reply.type}" to "load"`);
      return new AsyncSegmenter(client, reply.classes, reply.palette, reply.info);
    } catch (error) {
      client.close(new Error("the model was not loaded"));
      throw error;
    }
  }

  /**
   * Segments an image of any size. Calls made at the same time are done one after the other.
   *
   * @param image levels, anything a canvas can draw, or an image file; an ImageBitmap or VideoFrame is taken over
   *   and closed
   * @throws (rejects) TypeError or RangeError for a wrong image or option, the reason of `signal`, Error after
   *   `dispose`
   */
  async segmentAsync(
    image: Image | Drawable | Blob,
    options: AsyncSegmentOptions = {},
  ): Promise<AsyncSegmentation> {
    const { signal, onProgress, transfer = false, ...rest } = options;
    const source = await toMessage(image, transfer, signal);
    const question = {
      type: "segment",
      image: source,
      options: { ...rest, progress: onProgress !== undefined },
    } as const;
    const carried = isFrame(source) ? source : (source.data.buffer as ArrayBuffer);
    try {
      const reply = await this.#client.ask(question, [carried], { signal, onProgress });
      if (reply.type !== "segmented") throw new Error(`the worker answered "${reply.type}" to "segment"`);
      return reply.result;
    } finally {
      if (isFrame(source)) source.close();
    }
  }

  /** Ends the worker; what is pending is rejected. */
  dispose(): void {
    garbage.forget(this);
    this.#client.close(new Error("this segmenter has been disposed"));
  }

  /** Vue leaves objects with this mark as they are: the proxy that it would make has no private fields. */
  get __v_skip(): true {
    return true;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const isEndpoint = (worker: AsyncLoadOptions["worker"]): worker is WorkerEndpoint =>
  typeof (worker as WorkerEndpoint | undefined)?.postMessage === "function";

/**
 * Starts the worker, by default from the file beside this one; bundlers that know the pattern (Vite, webpack,
 * Parcel) bring it along.
 *
 * @throws EnvironmentError where there are no workers
 */
function openWorker(given: WorkerSource | undefined): Worker {
  if (typeof Worker !== "function") {
    throw new EnvironmentError('this host has no Worker: use Segmenter, or pass "worker"');
  }
  const here = import.meta.url;
  try {
    return startWorker(
      () => new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "attendseg" }),
      () => new URL("./worker.js", here),
      given,
    );
  } catch (error) {
    throw new EnvironmentError(`the worker cannot be started, pass "worker": ${(error as Error).message}`);
  }
}

/** The image in a form that can change hands: a frame, or levels in a buffer of their own. */
async function toMessage(
  image: Image | Drawable | Blob,
  transfer: boolean,
  signal: AbortSignal | undefined,
): Promise<Image | Frame> {
  if (isFrame(image)) {
    if (!signal?.aborted) return image;
    image.close();
    throw signal.reason;
  }
  signal?.throwIfAborted();
  if (isElement(image)) {
    const { width, height } = sizeOf(image);
    if (!(width > 0 && height > 0)) throw new RangeError(`"image" has no pixels (${width}x${height}) yet`);
    return readElement(image);
  }
  if (tagOf(image) === "Blob" || tagOf(image) === "File") return decodeImage(image as Blob);
  const { data, width, height, channels } = expectImage(image as Image);
  const whole = transfer && data.byteLength === data.buffer.byteLength;
  return { data: whole ? data : data.slice(), width, height, channels };
}

async function readElement(image: Exclude<Drawable, Frame>): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(image);
  } catch (error) {
    throw new RangeError(
      `"image" cannot be read (an SVG needs a width and a height, other sites' images CORS): ${(error as Error).message}`,
    );
  }
}

/** Elements and canvases are drawn; all other images have levels. */
function isElement(image: unknown): image is Exclude<Drawable, Frame> {
  const has = (name: string) => typeof image === "object" && image !== null && name in image;
  return has("getContext") || has("videoWidth") || has("naturalWidth");
}
