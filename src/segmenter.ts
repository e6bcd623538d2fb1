import type { Color } from "./card.js";
import { Engine, instantiate } from "./engine.js";
import { describe, EnvironmentError, expectInteger } from "./errors.js";
import { MAX_IMAGE_SIDE } from "./format.js";
import { expectPicture, type Image } from "./image.js";
import { type ModelInfo, modelInfo } from "./info.js";
import { parseModel } from "./model.js";
import { plan } from "./plan.js";
import { chooseVariant, engineBytes, type Variant } from "./variant.js";

export interface LoadOptions {
  /** Size of the network's input in pixels, multiples of the model's stride; default: the model's. */
  readonly width?: number;
  readonly height?: number;
  /** Build of the engine; default: the fastest that this host can run. */
  readonly variant?: Variant;
  /** A compiled engine module, for hosts that do not compile bytes; `variant` then only names it. */
  readonly module?: WebAssembly.Module;
  /** Ends the download. */
  readonly signal?: AbortSignal;
  /** Told the bytes received, and the bytes expected or 0 where the server does not say. */
  readonly onProgress?: (received: number, expected: number) => void;
}

export interface SegmentOptions {
  /** Size of the mask in pixels; default: the picture's. */
  readonly width?: number;
  readonly height?: number;
  /** Receives the mask: at least width * height bytes. */
  readonly out?: Uint8Array;
  /** Also return the raw scores. */
  readonly scores?: boolean;
}

/** Raw scores: real value = scale * (q - zero), int8 [height, width, classes]. */
export interface Scores {
  readonly data: Int8Array;
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
  readonly scores?: Scores;
}

/** Model, engine and memory facts of a segmenter. */
export interface SegmenterInfo extends ModelInfo {
  readonly name: string;
  readonly variant: Variant;
  readonly fileBytes: number;
}

/** A loaded network. Memory is fixed when it is loaded; `segment` allocates nothing but its result. */
export class Segmenter {
  /** Name of each class id. */
  readonly classes: readonly string[];
  /** Colour of each class id. */
  readonly palette: readonly Color[];
  readonly variant: Variant;
  readonly info: SegmenterInfo;
  #engine: Engine | undefined;

  private constructor(engine: Engine, variant: Variant, fileBytes: number) {
    const { card } = engine.model;
    this.#engine = engine;
    this.classes = card.classes;
    this.palette = card.palette;
    this.variant = variant;
    this.info = { name: card.name, variant, fileBytes, ...modelInfo(engine.model, engine.plan) };
  }

  /**
   * Loads a model.
   *
   * @param source a URL (string, URL), the bytes, or a fetched response
   * @throws ModelError if it is not a valid model, EnvironmentError if it cannot be fetched or the host lacks
   *   something, RangeError or TypeError for a wrong option
   */
  static async load(
    source: string | URL | Uint8Array | ArrayBuffer | Response,
    options: LoadOptions = {},
  ): Promise<Segmenter> {
    const bytes = await readSource(source, options);
    const model = parseModel(bytes);
    const variant = chooseVariant(options.variant);
    const module = options.module ?? (await WebAssembly.compile(engineBytes(variant)));
    const memory = plan(model, options.height ?? model.height, options.width ?? model.width);
    const engine = new Engine(model, memory, instantiate(module));
    return new Segmenter(engine, variant, bytes.length);
  }

  /**
   * Segments a picture of any size.
   *
   * @throws TypeError or RangeError for a wrong picture or option, Error after `dispose`
   */
  segment(image: Image, options: SegmentOptions = {}): Segmentation {
    const engine = this.#expectEngine();
    const picture = expectPicture(image);
    const width = expectInteger("width", options.width ?? picture.width, 1, MAX_IMAGE_SIDE);
    const height = expectInteger("height", options.height ?? picture.height, 1, MAX_IMAGE_SIDE);
    const out = options.out ?? new Uint8Array(width * height);
    if (!(out instanceof Uint8Array))
      throw new TypeError(`"out" expected a Uint8Array, got ${describe(out)}`);
    const mask = out.subarray(0, width * height);
    if (mask.length < width * height) {
      throw new RangeError(`"out" expected at least ${width * height} bytes, got ${out.length}`);
    }
    engine.setPicture(picture);
    engine.run();
    engine.writeMask(width, height, mask);
    return options.scores ? { mask, width, height, scores: copyScores(engine) } : { mask, width, height };
  }

  /** Gives the memory back; the segmenter cannot be used afterwards. */
  dispose(): void {
    this.#engine = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #expectEngine(): Engine {
    if (!this.#engine) throw new Error("this segmenter has been disposed");
    return this.#engine;
  }
}

function copyScores(engine: Engine): Scores {
  const id = engine.model.ops.at(-1)!.inputs[0]!;
  const { channels, scale, zero } = engine.model.tensors[id]!;
  return { data: engine.tensor(id).slice(), ...engine.plan.sizes[id]!, classes: channels, scale, zero };
}

async function readSource(
  source: string | URL | Uint8Array | ArrayBuffer | Response,
  { signal, onProgress }: LoadOptions,
): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Response) return readResponse(source, onProgress);
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new TypeError(`"model" expected a URL, bytes or a Response, got ${describe(source)}`);
  }
  let response: Response;
  try {
    response = await fetch(source, signal ? { signal } : {});
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new EnvironmentError(`cannot fetch ${source}: ${(error as Error).message}`);
  }
  return readResponse(response, onProgress);
}

async function readResponse(response: Response, onProgress: LoadOptions["onProgress"]): Promise<Uint8Array> {
  if (!response.ok) {
    throw new EnvironmentError(`cannot fetch ${response.url}: ${response.status} ${response.statusText}`);
  }
  if (!onProgress || !response.body) return new Uint8Array(await response.arrayBuffer());
  const expected = Number(response.headers.get("content-length") ?? 0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    received += part.value.length;
    onProgress(received, expected);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
