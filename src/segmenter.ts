/// <reference lib="esnext.disposable" preserve="true" />

import { Engine, instantiate } from "./engine.js";
import { importThreads, openEngine } from "./engines/inline.js";
import { expectBytes, expectInteger } from "./errors.js";
import { MAX_IMAGE_SIDE } from "./format.js";
import { type CheckedImage, expectImage, type Image } from "./image.js";
import { DOT_PRODUCTS, type ModelInfo, modelInfo } from "./info.js";
import type { Color } from "./metadata.js";
import { parseModel } from "./model.js";
import type { Size } from "./ops.js";
import { plan } from "./plan.js";
import { readSource, type Source, type SourceOptions } from "./source.js";
import type { WorkerSource } from "./start-worker.js";
import type { ThreadPool } from "./threads.js";
import type { Variant } from "./variant.js";

export interface LoadOptions extends SourceOptions {
  /** Size of the network's input in pixels, multiples of the model's stride; default: the model's. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Build of the engine; default: the fastest that this host can run. */
  readonly variant?: Variant | undefined;
  /** A compiled engine module of the package, for hosts that do not compile bytes; `variant` then only names it. */
  readonly module?: WebAssembly.Module | undefined;
  /** Threads that work together, 1 to 16; default 1. Where there can be none, `info.noThreads` says why. */
  readonly threads?: number | undefined;
  /** Largest image that will be segmented, pixels, 1 to 16,384 each, the default: less takes less memory. */
  readonly maxImageWidth?: number | undefined;
  readonly maxImageHeight?: number | undefined;
  /**
   * Script of the threads' workers, where it does not lie beside the library as thread.js: its address, or a
   * function that starts one. Not in Node.
   */
  readonly threadWorker?: WorkerSource | undefined;
}

export interface SegmentOptions {
  /** Size of the mask in pixels; default: the image's. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Receives the mask: at least width * height bytes. */
  readonly out?: Uint8Array | undefined;
  /** Also return the logits. */
  readonly logits?: boolean | undefined;
  /** Also return the probability of a class, or of the class that wins ("max"), at each pixel of the mask. */
  readonly probabilities?: number | "max" | undefined;
  /** Pixels whose class is less probable than this, 0 to 1, get class 255; not for models of 256 classes. */
  readonly minConfidence?: number | undefined;
}

/**
 * Logits, one for each class and pixel, [height, width, classes]: real value = scale * (q - zero). int16, in -4096..4095,
 * of models whose logits are wide.
 */
export interface Logits {
  readonly data: Int8Array | Int16Array;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  readonly scale: number;
  readonly zero: number;
}

export interface Segmentation {
  /** Class id of each pixel, [height, width]. */
  readonly mask: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly logits?: Logits;
  /** Softmax, 0 to 255, [height, width]: see src/format.md. */
  readonly probabilities?: Uint8Array;
}

/** Model, engine and memory facts of a segmenter. */
export interface SegmenterInfo extends ModelInfo {
  readonly name: string;
  readonly variant: Variant | "javascript";
  /** The dot product that this host has; one operation or another may need the plain one. */
  readonly dotProduct: (typeof DOT_PRODUCTS)[number];
  readonly fileBytes: number;
  /** Threads in use. */
  readonly threads: number;
  /** Why there are no more, where more were asked for. */
  readonly noThreads?: string;
}

/** A loaded network. Memory is fixed when it is loaded; `segment` allocates nothing but its result. */
export class Segmenter {
  /** Name of each class id. */
  readonly classes: readonly string[];
  /** Colour of each class id. */
  readonly palette: readonly Color[];
  readonly variant: Variant | "javascript";
  readonly info: SegmenterInfo;
  #engine: Engine | undefined;
  readonly #pool: ThreadPool | undefined;

  private constructor(engine: Engine, facts: Facts, pool?: ThreadPool) {
    const { metadata } = engine.model;
    this.#engine = engine;
    this.#pool = pool;
    pool?.endWith(this);
    this.classes = metadata.classes;
    this.palette = metadata.palette;
    this.variant = facts.variant;
    const { threads } = engine.plan;
    const dotProduct = DOT_PRODUCTS[engine.dotProduct]!;
    this.info = {
      name: metadata.name,
      ...facts,
      dotProduct,
      threads,
      ...modelInfo(engine.model, engine.plan),
    };
  }

  /**
   * Loads a model.
   *
   * @param source a URL (string, URL), the bytes, or a fetched response
   * @throws ModelError if it is not a valid model, EnvironmentError if it cannot be fetched or the host lacks
   *   something, RangeError or TypeError for a wrong option
   */
  static async load(source: Source, options: LoadOptions = {}): Promise<Segmenter> {
    const { variant, module } = options;
    const threads = expectInteger("threads", options.threads ?? 1, 1, 16);
    const bytes = await readSource(source, options);
    const fileBytes = bytes.length;
    const model = parseModel(bytes);
    const planFor = (count: number) => {
      const { height = model.height, width = model.width, maxImageWidth, maxImageHeight } = options;
      return plan(model, height, width, { threads: count, maxImageWidth, maxImageHeight });
    };
    let noThreads: string | undefined;
    if (threads > 1) {
      const memory = planFor(threads);
      try {
        const { startThreadPool } = await importThreads();
        const pool = await startThreadPool(model, memory, variant, options.threadWorker);
        return new Segmenter(new Engine(model, memory, pool), { variant: pool.variant, fileBytes }, pool);
      } catch (error) {
        // one thread does the same; what is wrong with it too will be said then
        noThreads = (error as Error).message;
      }
    }
    options.signal?.throwIfAborted();
    const opened = module
      ? { variant: variant ?? "simd", ...instantiate(module) }
      : await openEngine(variant);
    options.signal?.throwIfAborted();
    const facts = { variant: opened.variant, fileBytes, ...(noThreads && { noThreads }) };
    return new Segmenter(new Engine(model, planFor(1), opened), facts);
  }

  /**
   * Segments an image of any size.
   *
   * @throws TypeError or RangeError for a wrong image or option, Error after `dispose`
   */
  segment(image: Image, options: SegmentOptions = {}): Segmentation {
    const job = this.#prepare(image, options);
    job.engine.setImage(job.image);
    job.engine.run();
    return finish(job);
  }

  /**
   * Segments an image operation by operation, for callers who want progress, times or to stop in between:
   * yields the number of operations done. One image at a time: a second one spoils the first.
   *
   * @throws as `segment`, at the first step
   */
  *steps(image: Image, options: SegmentOptions = {}): Generator<number, Segmentation, void> {
    const job = this.#prepare(image, options);
    job.engine.setImage(job.image);
    yield 1;
    for (let index = 1; index < job.engine.model.ops.length; index++) {
      this.#expectAlive().run(index, index + 1);
      yield index + 1;
    }
    this.#expectAlive();
    return finish(job);
  }

  /** Gives the memory back; the segmenter cannot be used afterwards. */
  dispose(): void {
    this.#engine = undefined;
    this.#pool?.stop();
  }

  /** Vue leaves objects with this mark as they are: the proxy that it would make has no private fields. */
  get __v_skip(): true {
    return true;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #prepare(source: Image, options: SegmentOptions): Job {
    const engine = this.#expectAlive();
    const image = expectImage(source);
    expectWithin(image, engine.plan.maxImage!);
    const width = expectInteger("width", options.width ?? image.width, 1, MAX_IMAGE_SIDE);
    const height = expectInteger("height", options.height ?? image.height, 1, MAX_IMAGE_SIDE);
    const out = options.out ?? new Uint8Array(width * height);
    expectBytes("out", out);
    const mask = out.subarray(0, width * height);
    if (mask.length < width * height) {
      throw new RangeError(`"out" expected at least ${width * height} bytes, got ${out.length}`);
    }
    const { logits = false, probabilities: which, minConfidence = 0 } = options;
    const count = this.classes.length;
    if (which !== undefined && which !== "max") expectInteger("probabilities", which, 0, count - 1);
    const most = count < 256 ? 1 : 0;
    if (!(minConfidence >= 0 && minConfidence <= most)) {
      throw new RangeError(`"minConfidence" expected 0 to ${most}, got ${minConfidence}`);
    }
    return { engine, image, mask, width, height, logits, which, minConfidence };
  }

  #expectAlive(): Engine {
    if (!this.#engine) throw new Error("the segmenter is disposed");
    this.#pool?.expectAlive();
    return this.#engine;
  }
}

/** @throws RangeError if an image is larger than memory was planned for */
function expectWithin(image: CheckedImage, most: Size): void {
  if (image.width <= most.width && image.height <= most.height) return;
  throw new RangeError(
    `"image" expected at most ${most.width}x${most.height} pixels (maxImageWidth and maxImageHeight of load), ` +
      `got ${image.width}x${image.height}`,
  );
}

type Facts = Pick<SegmenterInfo, "variant" | "fileBytes" | "noThreads">;

/** One image on its way through the network. */
interface Job {
  readonly engine: Engine;
  readonly image: CheckedImage;
  readonly mask: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly logits: boolean;
  readonly which: number | "max" | undefined;
  readonly minConfidence: number;
}

function finish({ engine, mask, width, height, logits, which, minConfidence }: Job): Segmentation {
  engine.writeMask(width, height, mask);
  const probabilities = (of: number | "max") => {
    const values = new Uint8Array(width * height);
    engine.writeProbabilities(of, width, height, values);
    return values;
  };
  if (minConfidence > 0) {
    probabilities("max").forEach((confidence, at) => {
      if (confidence < 255 * minConfidence) mask[at] = 255;
    });
  }
  return {
    mask,
    width,
    height,
    ...(logits && { logits: copyLogits(engine) }),
    ...(which !== undefined && { probabilities: probabilities(which) }),
  };
}

/** The logits of the last run. */
function copyLogits(engine: Engine): Logits {
  const id = engine.model.ops[engine.model.ops.length - 1]!.inputs[0]!;
  const { channels, scale, zero } = engine.model.tensors[id]!;
  const { height, width } = engine.plan.tensors[id]!;
  return { data: engine.tensor(id).slice(), height, width, classes: channels, scale, zero };
}
