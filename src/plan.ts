/**
 * Memory of a model at one input size, decided before anything is loaded:
 *
 *   [threads' words | op records | blocks of convolutions, tables | facts of a standalone module | arena | slack]
 *
 * There is one list of op records for each thread, since each has scratch of its own. The arena holds activation tensors
 * and the scratch of single operations; what is not needed at the same time shares bytes.
 */
import { align, allocate, type Lifetime } from "./allocate.js";
import { expectInteger } from "./errors.js";
import * as format from "./format.js";
import { fuse, rowsAtOnce, windowRows } from "./fuse.js";
import { bytesOf, kindOf, type Model, type Op, type Size, sameSize } from "./ops.js";
import { type Kernel, packedBytes, tableBytes } from "./pack.js";
import * as record from "./record.js";
import { kernelOf, scratchOf } from "./scratch.js";
import { inferSizes } from "./shape.js";

/** Bytes of a page of linear memory. */
export const PAGE_BYTES = 65536;

/** Where a tensor lies, and its size in pixels. */
export interface TensorPlan extends Size {
  /**
   * Rows that memory holds of it: all, or as many as the operation that executes its producer reads at once; row y lies
   * at y modulo rows, for each thread anew.
   */
  readonly rows: number;
  /** Offset in the arena, and from one thread's to the next (0: they share it). */
  readonly offset: number;
  readonly stepBytes: number;
}

/** How an operation is computed. */
export interface OpPlan {
  readonly kernel: Kernel;
  /** Index of the operation that executes it: its own, or that of its only reader. */
  readonly executedBy: number;
  /** Index of the operation that this one executes for its input. */
  readonly producer?: number;
  /** Output rows that the kernel does together. */
  readonly rowsAtOnce: number;
  /** Addresses of blocks and table, 0 where there is none: see src/pack.ts. */
  readonly blocksAt: number;
  readonly tableAt: number;
  /** Offset of its scratch in the arena, and its size for one thread. */
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** A stretch of the arena that holds one tensor, or the scratch of one operation, while operations run. */
export interface ArenaBlock extends Lifetime {
  /** Tensor id, or -1 for scratch. */
  readonly tensor: number;
  /** Offset in the arena and length, bytes. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Plan extends Size {
  readonly threads: number;
  /** By tensor id. */
  readonly tensors: readonly TensorPlan[];
  /** By index. */
  readonly ops: readonly OpPlan[];
  /** What lies in the arena and when, the first thread's where threads have their own. */
  readonly blocks: readonly ArenaBlock[];
  /** The largest image that can be resized to the input; undefined where none can. */
  readonly maxImage: Size | undefined;
  /** Offset in the arena and bytes of what mask rows are drawn into: a band of them, or the whole mask. */
  readonly band: { readonly offset: number; readonly bytes: number };
  /** Address of the facts of a standalone module. */
  readonly factsAt: number;
  readonly arenaAt: number;
  readonly arenaBytes: number;
  /** Bytes of linear memory that are used, and those of the whole pages that hold them. */
  readonly usedBytes: number;
  readonly memoryBytes: number;
}

/**
 * What a standalone module keeps besides. Nothing is resized in one: an image has the input's size, and so has the mask,
 * which is drawn as a whole and stays until the next run; and the model is linked for plain dot products.
 */
export interface Standalone {
  /** Bytes of facts about itself, before the arena. */
  readonly factsBytes: number;
  /**
   * Offset in the arena of a mask of so many bytes, which is drawn at the end of operations, `end`; it may lie behind the
   * blocks.
   */
  readonly placeMask: (blocks: readonly ArenaBlock[], bytes: number, end: number) => number;
}

export interface PlanOptions {
  /** Threads that run the model together, 1 to 16; default 1. */
  readonly threads?: number;
  /** Keep every tensor as a whole, so that each can be read after its operation; default false. */
  readonly whole?: boolean;
  /** Largest image that is resized to the input, pixels, 1 to 16,384 each, the default. */
  readonly maxImageWidth?: number;
  readonly maxImageHeight?: number;
  /** For a standalone module, see `Standalone`. */
  readonly standalone?: Standalone;
}

/**
 * Plans the memory of a model.
 *
 * @param height input height, pixels, a multiple of the model's stride, at most 4096
 * @param width input width, likewise
 * @throws RangeError for a size that the network cannot take or a wrong option, ModelError if the operations do not fit
 */
export function plan(model: Model, height: number, width: number, options: PlanOptions = {}): Plan {
  const { threads = 1, whole = false, standalone } = options;
  const maxImage = standalone ? undefined : largestImage(options);
  for (const [name, side] of Object.entries({ height, width })) {
    expectInteger(name, side, 1, format.MAX_SIDE);
    if (side % model.stride !== 0) {
      throw new RangeError(`"${name}" expected a multiple of ${model.stride}, got ${side}`);
    }
  }
  const sizes = inferSizes(model, height, width);
  const executedBy = whole ? model.ops.map((_, index) => index) : fuse(model, sizes);
  const lifetimes = findLifetimes(model, executedBy);
  const rows = heldRows(model, sizes, executedBy);
  const owners = shareInPlace(model, sizes, lifetimes);

  const kernels = model.ops.map((op) => kernelOf(op, model, sizes));
  const tensorBytes = sizes.map(({ width }, id) => {
    const tensor = model.tensors[id]!;
    return rows[id]! * width * tensor.channels * bytesOf(tensor);
  });
  const stepBytes = sizes.map((size, id) => (rows[id] === size.height ? 0 : align(tensorBytes[id]!)));
  const scratchBytes = model.ops.map((op, index) =>
    align(scratchOf(op, kernels[index]!, model, sizes, maxImage)),
  );
  const tensorLives = joinLifetimes(lifetimes, owners);
  const scratchLives = model.ops.map(({ code }, index): Lifetime => {
    return {
      first: executedBy[index]!,
      last: code === format.ARGMAX ? model.ops.length : executedBy[index]!,
    };
  });
  const end = model.ops.length;
  const bandBytes = standalone ? height * width : record.MASK_BAND;
  const { offsets, bytes: allocated } = allocate([
    ...owners.map((owner, id) => {
      const bytes = owner === id ? align(tensorBytes[id]!) + (threads - 1) * stepBytes[id]! : 0;
      return { bytes, ...tensorLives[id]! };
    }),
    ...scratchLives.map((life, index) => ({ bytes: threads * scratchBytes[index]!, ...life })),
    { bytes: maxImage ? bandBytes : 0, first: end, last: end },
  ]);
  const tensors = sizes.map((size, id): TensorPlan => {
    return { ...size, rows: rows[id]!, offset: offsets[owners[id]!]!, stepBytes: stepBytes[id]! };
  });

  const blocks = [
    ...tensors.map(({ offset }, tensor): ArenaBlock => {
      return { tensor, offset, bytes: tensorBytes[tensor]!, ...lifetimes[tensor]! };
    }),
    ...scratchLives.map((life, index): ArenaBlock => {
      return { tensor: -1, offset: offsets[sizes.length + index]!, bytes: scratchBytes[index]!, ...life };
    }),
  ].filter(({ bytes }) => bytes > 0);
  const bandAt = standalone?.placeMask(blocks, bandBytes, end) ?? offsets[offsets.length - 1]!;
  const band = { offset: bandAt, bytes: bandBytes };
  blocks.push({ tensor: -1, ...band, first: end, last: end });
  const arenaBytes = Math.max(allocated, align(band.offset + band.bytes));

  let arenaAt = record.RECORDS_AT + threads * model.ops.length * record.RECORD_BYTES;
  const addressOf = (bytes: number): number => {
    if (bytes === 0) return 0;
    const at = arenaAt;
    arenaAt = align(arenaAt + bytes);
    return at;
  };
  const producers = new Map(executedBy.flatMap((by, index) => (by === index ? [] : [[by, index] as const])));
  const ops = model.ops.map((op, index): OpPlan => {
    const kernel = kernels[index]!;
    return {
      kernel,
      executedBy: executedBy[index]!,
      producer: producers.get(index),
      rowsAtOnce: rowsTogether(op, tensors[op.output]!),
      blocksAt: addressOf(packedBytes(op, kernel, model, standalone ? [2] : [2, 4])),
      tableAt: addressOf(tableBytes(op)),
      scratch: offsets[sizes.length + index]!,
      scratchBytes: scratchBytes[index]!,
    };
  });
  const factsAt = addressOf(standalone?.factsBytes ?? 0);
  const usedBytes = arenaAt + arenaBytes + record.SLACK_BYTES;
  const memoryBytes = Math.ceil(usedBytes / PAGE_BYTES) * PAGE_BYTES;
  const arena = { blocks, maxImage, band, arenaAt, arenaBytes };
  return { height, width, threads, tensors, ops, factsAt, ...arena, usedBytes, memoryBytes };
}

/** The largest image that a plan is asked to provide for. */
function largestImage({
  maxImageWidth = format.MAX_IMAGE_SIDE,
  maxImageHeight = format.MAX_IMAGE_SIDE,
}: PlanOptions): Size {
  return {
    height: expectInteger("maxImageHeight", maxImageHeight, 1, format.MAX_IMAGE_SIDE),
    width: expectInteger("maxImageWidth", maxImageWidth, 1, format.MAX_IMAGE_SIDE),
  };
}

/** Rows that memory holds of each tensor, by tensor id. */
function heldRows({ ops }: Model, sizes: readonly Size[], executedBy: readonly number[]): number[] {
  const rows = sizes.map(({ height }) => height);
  ops.forEach(({ output }, index) => {
    const by = executedBy[index]!;
    if (by !== index) rows[output] = windowRows(ops[by]!);
  });
  return rows;
}

/** Logits and what argmax makes of them are needed after the last operation, when the mask is drawn. */
function findLifetimes({ tensors, ops }: Model, executedBy: readonly number[]): Lifetime[] {
  const first = tensors.map(() => 0);
  const last = tensors.map(() => 0);
  ops.forEach((op, index) => {
    first[op.output] = executedBy[index]!;
    for (const id of [op.output, ...op.inputs]) {
      last[id] = Math.max(last[id]!, op.code === format.ARGMAX ? ops.length : executedBy[index]!);
    }
  });
  return first.map((start, id) => ({ first: start, last: last[id]! }));
}

/** For each tensor the one whose memory it uses: itself, or the input it is written over. */
function shareInPlace(
  { tensors, ops }: Model,
  sizes: readonly Size[],
  lifetimes: readonly Lifetime[],
): number[] {
  const owners = tensors.map((_, id) => id);
  ops.forEach((op, index) => {
    const [first, second] = op.inputs;
    if (!kindOf(op).inPlace || lifetimes[first!]!.last !== index || first === second) return;
    const isSame =
      sameSize(sizes[first!]!, sizes[op.output]!) &&
      tensors[first!]!.channels === tensors[op.output]!.channels;
    if (isSame) owners[op.output] = owners[first!]!;
  });
  return owners;
}

/** Lifetimes of the memory of each tensor: until the last of those that use it. */
function joinLifetimes(lifetimes: readonly Lifetime[], owners: readonly number[]): Lifetime[] {
  const joined = lifetimes.map((life) => ({ ...life }));
  owners.forEach((owner, id) => {
    joined[owner]!.last = Math.max(joined[owner]!.last, lifetimes[id]!.last);
  });
  return joined;
}

/** Output rows that the kernel of an operation does together. */
function rowsTogether(op: Op, { height, width, rows }: TensorPlan): number {
  if (op.code === format.DEPTHWISE) return rowsAtOnce(op);
  // rows of a window are apart from each other, others follow one another
  if (op.code === format.POINTWISE && rows === height) return Math.max(1, Math.floor(record.BATCH / width));
  return 1;
}
