import { EnvironmentError } from "./errors.js";
import type { CheckedImage } from "./image.js";
import { link, recordAt } from "./link.js";
import { bytesOf, type Model, type Values } from "./ops.js";
import { PAGE_BYTES, type Plan } from "./plan.js";
import { imageScratch } from "./scratch.js";

/** Exports of an engine module, any build; `op` is the address of a record. See assembly/index.ts. */
export interface EngineExports {
  readonly memory: { readonly buffer: ArrayBufferLike; grow(pages: number): number };
  run(records: number, first: number, end: number, part: number, parts: number): void;
  runRows(op: number, first: number, end: number): void;
  windowFirst(i: number, from: number, to: number): number;
  windowEnd(i: number, from: number, to: number): number;
  imageWeights(op: number, width: number, weights: number): void;
  imageRow(op: number, channels: number, weights: number, row: number): void;
  imageOutput(op: number, y: number, height: number, rows: number, rowCount: number): void;
  /** Its dot product on this host (src/record.ts), -1 if wrong. Clears the start of memory. */
  selftest(): number;
  mask(op: number, width: number, height: number, first: number, end: number): void;
  probability(op: number, which: number, width: number, height: number, first: number, end: number): void;
}

/** An instance of an engine module that computes right, and how it sums products on this host. */
export interface Instance {
  readonly exports: EngineExports;
  readonly dotProduct: number;
}

/**
 * Instantiates an engine module.
 *
 * @param memory shared memory, for a build with threads
 * @throws as `test`, WebAssembly.LinkError if it is no engine
 */
export function instantiate(module: WebAssembly.Module, memory?: WebAssembly.Memory): Instance {
  const { exports } = withMemory(() => new WebAssembly.Instance(module, { env: { memory: memory! } }));
  return test(exports as unknown as EngineExports);
}

/**
 * What `make` makes.
 *
 * @throws EnvironmentError where it takes more memory than there is, which the language calls a RangeError
 */
export function withMemory<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new EnvironmentError(`out of memory: ${error.message}`);
  }
}

/**
 * Tests an instance that has not been used.
 *
 * @throws EnvironmentError if it computes wrong numbers on this host
 */
export function test(exports: EngineExports): Instance {
  const dotProduct = exports.selftest();
  if (dotProduct < 0) throw new EnvironmentError("this build computes wrong numbers here");
  return { exports, dotProduct };
}

/** One model, linked for one input size, in the memory of one engine instance. */
export class Engine {
  readonly model: Model;
  readonly plan: Plan;
  /** The dot product that the host has, see src/record.ts. */
  readonly dotProduct: number;
  readonly #exports: EngineExports;
  readonly #memory: Uint8Array;

  /** @param instance a fresh one, which this engine owns from now on */
  constructor(model: Model, plan: Plan, { exports, dotProduct }: Instance) {
    this.model = model;
    this.plan = plan;
    this.dotProduct = dotProduct;
    this.#exports = exports;
    const { memory } = exports;
    withMemory(() => memory.grow((plan.memoryBytes - memory.buffer.byteLength) / PAGE_BYTES));
    this.#memory = new Uint8Array(memory.buffer);
    this.#memory.set(link(model, plan, dotProduct));
  }

  /** Resizes an image, no larger than the plan's largest, to the input size and writes it as the input tensor. */
  setImage({ data, width, height, channels }: CheckedImage): void {
    const { plan } = this;
    const op = recordAt(this.model, 0);
    const scratch = plan.arenaAt + plan.ops[0]!.scratch;
    const parts = imageScratch(plan, plan.maxImage!);
    const weights = scratch + parts.weights;
    const rows = scratch + parts.rows;
    const rowBytes = plan.width * 3;
    const rowCount = parts.rowCount;
    const stride = width * channels;
    const fits = width === plan.width && channels === 3;
    this.#exports.imageWeights(op, width, weights);
    let done = 0;
    for (let y = 0; y < plan.height; y++) {
      const end = this.#exports.windowEnd(y, height, plan.height);
      done = Math.max(done, this.#exports.windowFirst(y, height, plan.height));
      for (; done < end; done++) {
        const row = rows + (done % rowCount) * rowBytes;
        this.#memory.set(data.subarray(done * stride, (done + 1) * stride), fits ? row : scratch);
        if (!fits) this.#exports.imageRow(op, channels, weights, row);
      }
      this.#exports.imageOutput(op, y, height, rows, rowCount);
    }
  }

  /** Runs operations `first`..`end`; the input tensor must have been set. */
  run(first = 1, end: number = this.model.ops.length): void {
    this.#exports.run(recordAt(this.model, 0), first, end, 0, this.plan.threads);
  }

  /** Runs rows `first`..`end` of the output of one operation. */
  runRows(index: number, first: number, end: number): void {
    this.#exports.runRows(recordAt(this.model, index), first, end);
  }

  /** Writes the mask of the last run, class ids [height, width], into `out`. */
  writeMask(width: number, height: number, out: Uint8Array): void {
    this.#draw(width, height, out, (op, first, end) => this.#exports.mask(op, width, height, first, end));
  }

  /** Writes probabilities of the last run, 0..255 [height, width]: of a class, or of the one that wins ("max"). */
  writeProbabilities(which: number | "max", width: number, height: number, out: Uint8Array): void {
    const id = which === "max" ? -1 : which;
    this.#draw(width, height, out, (op, first, end) =>
      this.#exports.probability(op, id, width, height, first, end),
    );
  }

  /** Has rows drawn, as many at a time as the band holds, and copies them. */
  #draw(
    width: number,
    height: number,
    out: Uint8Array,
    rows: (op: number, first: number, end: number) => void,
  ): void {
    const op = recordAt(this.model, this.model.ops.length - 1);
    const { arenaAt, band } = this.plan;
    const at = arenaAt + band.offset;
    const step = Math.floor(band.bytes / width);
    for (let first = 0; first < height; first += step) {
      const end = Math.min(first + step, height);
      rows(op, first, end);
      out.set(this.#memory.subarray(at, at + (end - first) * width), first * width);
    }
  }

  /** Values of a tensor, [height, width, channels]: a view, valid until the next run. */
  tensor(id: number): Values {
    const { height, width, offset } = this.plan.tensors[id]!;
    const at = this.plan.arenaAt + offset;
    const tensor = this.model.tensors[id]!;
    const ArrayType = bytesOf(tensor) > 1 ? Int16Array : Int8Array;
    return new ArrayType(this.#memory.buffer as ArrayBuffer, at, height * width * tensor.channels);
  }
}
