/**
 * Memory of a model at one input size, decided before anything is loaded:
 *
 *   [threads' words | op records | weights, biases, multipliers, tables | arena | slack]
 *
 * There is one list of op records for each thread, since each has scratch of its own. The arena holds activation tensors and the scratch of single operations; what is not needed at the same
 * time shares bytes.
 */
import { expectInteger } from "./errors.js";
import * as format from "./format.js";
import type { Model } from "./model.js";
import { kindOf, type Op, type Size, sameSize } from "./ops.js";
import { align, type Buffer, type Lifetime, padTo, placeBuffers } from "./place.js";
import * as record from "./record.js";
import { inferSizes } from "./shape.js";

/** Bytes of a page of linear memory. */
export const PAGE_BYTES = 65536;
/** SIMD loads may read this many bytes past the end of what they need. */
const SLACK_BYTES = 64;
/** Maps of fewer rows are not worth it: at the edge of each thread's share rows are computed twice. */
const FUSED_ROWS = 64;

/** Where the packed arrays of one operation lie: addresses, 0 where there is none. */
export interface Parameters {
  readonly weights: number;
  readonly bias: number;
  readonly multipliers: number;
  readonly table: number;
}

export interface Plan {
  readonly height: number;
  readonly width: number;
  /** Size of each tensor by id. */
  readonly sizes: readonly Size[];
  /** Arrays of each operation by index. */
  readonly parameters: readonly Parameters[];
  readonly arenaAt: number;
  readonly arenaBytes: number;
  /**
   * Rows that memory holds of each tensor, by tensor id: all, or as many as a window of the depthwise convolution
   * that reads it, which then has the tensor made row by row; row y lies at y modulo rows, for each thread anew.
   */
  readonly rows: readonly number[];
  /** During which operation each one runs, by index: itself, or the depthwise convolution that has it run. */
  readonly turns: readonly number[];
  /** Offset of each tensor in the arena, by tensor id, and from one thread's to the next (0: they share it). */
  readonly offsets: readonly number[];
  readonly stepBytes: readonly number[];
  /** First and last operation that needs each tensor, by tensor id. */
  readonly lifetimes: readonly Lifetime[];
  readonly threads: number;
  /** Offset in the arena of the scratch of each operation, by index, and its size for one thread. */
  readonly scratch: readonly number[];
  readonly scratchBytes: readonly number[];
  /** Bytes of linear memory, a multiple of 65,536. */
  readonly memoryBytes: number;
}

export interface PlanOptions {
  /** Threads that run the model together, 1 to 16; default 1. */
  readonly threads?: number;
  /** Make every tensor whole, so that each can be read after its operation; default false. */
  readonly whole?: boolean;
}

/**
 * Plans the memory of a model.
 *
 * @param height input height, pixels, a multiple of the model's stride, at most 4096
 * @param width input width, likewise
 * @throws RangeError for a size that the network cannot take, ModelError if the operations do not fit at it
 */
export function plan(model: Model, height: number, width: number, options: PlanOptions = {}): Plan {
  const { threads = 1, whole = false } = options;
  for (const [name, side] of Object.entries({ height, width })) {
    expectInteger(name, side, 1, format.MAX_SIDE);
    if (side % model.stride !== 0) {
      throw new RangeError(`"${name}" expected a multiple of ${model.stride}, got ${side}`);
    }
  }
  const sizes = inferSizes(model, height, width);
  let end = record.RECORDS_AT + threads * model.ops.length * record.RECORD_BYTES;
  const place = (bytes: number): number => {
    if (bytes === 0) return 0;
    const at = end;
    end = align(end + bytes);
    return at;
  };
  const parameters = model.ops.map((op) => placeParameters(op, model, place));
  const arenaAt = end;

  const turns = whole ? model.ops.map((_, index) => index) : findTurns(model, sizes);
  const rows = sizes.map(({ height }) => height);
  model.ops.forEach(({ output }, index) => {
    const reader = model.ops[turns[index]!]!;
    const { kernelHeight, dilationY } = reader.attributes;
    if (reader.output !== output) rows[output] = dilationY * (kernelHeight - 1) + rowsAtOnce(reader);
  });
  const lifetimes = findLifetimes(model, turns);
  const owners = shareInPlace(model, sizes, lifetimes);
  const scratchBytes = model.ops.map((op) => align(scratchOf(op, model, sizes)));
  const tensorBytes = sizes.map(({ width }, id) => align(rows[id]! * width * model.tensors[id]!.channels));
  const stepBytes = tensorBytes.map((bytes, id) => (rows[id] === sizes[id]!.height ? 0 : bytes));
  const buffers: Buffer[] = [
    ...owners.map((owner, id) => ({
      bytes: owner === id ? tensorBytes[id]! + (threads - 1) * stepBytes[id]! : 0,
      first: lifetimes[id]!.first,
      last: Math.max(...owners.flatMap((other, at) => (other === id ? lifetimes[at]!.last : []))),
    })),
    ...scratchBytes.map((bytes, index) => ({
      bytes: threads * bytes,
      first: index,
      last: model.ops[index]!.code === format.ARGMAX ? model.ops.length : turns[index]!,
    })),
  ];
  const { offsets, bytes: arenaBytes } = placeBuffers(buffers);
  return {
    height,
    width,
    threads,
    sizes,
    rows,
    turns,
    parameters,
    arenaAt,
    arenaBytes,
    offsets: owners.map((owner) => offsets[owner]!),
    stepBytes,
    lifetimes,
    scratch: offsets.slice(sizes.length),
    scratchBytes,
    memoryBytes: Math.ceil((arenaAt + arenaBytes + SLACK_BYTES) / PAGE_BYTES) * PAGE_BYTES,
  };
}

/** How the arrays of a convolution are packed: see link. */
export interface Packing {
  readonly groups: number;
  /** Output channels of one group, padded to whole blocks. */
  readonly channels: number;
  /** Weights of one output channel, padded. */
  readonly depth: number;
}

/** Output rows that a depthwise convolution does at once: two where their taps are in as many pairs of rows as one's. */
export function rowsAtOnce({ attributes: a }: Op): number {
  return a.strideY === 1 && a.dilationY === 1 && a.kernelHeight % 2 === 1 ? 2 : 1;
}

/** Packing of a convolution; of any other operation nothing. */
export function packingOf(op: Op, { tensors }: Model): Packing {
  const taps = kindOf(op).taps?.(op.attributes, tensors[op.inputs[0]!]!.channels) ?? 0;
  const groups = op.attributes.groups || 1;
  const channels = taps && padTo(tensors[op.output]!.channels / groups, record.BLOCK);
  const { kernelHeight, kernelWidth } = op.attributes;
  if (op.code === format.DEPTHWISE) {
    return { groups, channels, depth: rowsAtOnce(op) * padTo(kernelHeight, 4) * kernelWidth };
  }
  return { groups, channels, depth: padTo(taps, record.DEPTH_STEP) };
}

function placeParameters(op: Op, model: Model, place: (bytes: number) => number): Parameters {
  const { groups, channels, depth } = packingOf(op, model);
  return {
    weights: place(groups * channels * depth),
    bias: place(groups * channels * 4),
    multipliers: place(groups * channels * 4),
    table: place(op.table.byteLength),
  };
}

/** A pointwise convolution that only a depthwise one reads is run by it, row by row, where the map is large. */
function findTurns({ ops }: Model, sizes: readonly Size[]): number[] {
  return ops.map(({ code, output }, index) => {
    const readers = ops.flatMap((other, at) => (other.inputs.includes(output) ? [at] : []));
    const { height } = sizes[output]!;
    const fused = code === format.POINTWISE && readers.length === 1 && height >= FUSED_ROWS;
    const reader = ops[readers[0]!];
    const { kernelHeight, dilationY } = reader?.attributes ?? {};
    return fused && reader!.code === format.DEPTHWISE && dilationY! * kernelHeight! < height
      ? readers[0]!
      : index;
  });
}

/** Scores and what argmax makes of them are needed after the last operation, when the mask is drawn. */
function findLifetimes({ tensors, ops }: Model, turns: readonly number[]): Lifetime[] {
  const first = tensors.map(() => 0);
  const last = tensors.map(() => 0);
  ops.forEach((op, index) => {
    first[op.output] = turns[index]!;
    for (const id of [op.output, ...op.inputs]) {
      last[id] = Math.max(last[id]!, op.code === format.ARGMAX ? ops.length : turns[index]!);
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
    if (
      sameSize(sizes[first!]!, sizes[op.output]!) &&
      tensors[first!]!.channels === tensors[op.output]!.channels
    )
      owners[op.output] = owners[first!]!;
  });
  return owners;
}

/** Bytes that an operation needs for itself while it runs. */
function scratchOf(op: Op, model: Model, sizes: readonly Size[]): number {
  const [first = op.output, second] = op.inputs;
  const output = sizes[op.output]!;
  const input = sizes[first]!;
  const inChannels = model.tensors[first]!.channels;
  const a = op.attributes;
  switch (op.code) {
    case format.INPUT:
      return pictureScratch(output).bytes;
    case format.CONVOLUTION:
    case format.POINTWISE:
      // taps of a convolution as int8; these or pixels, and the weights of a block, as int16: see assembly/matmul.ts;
      // where the rows of a convolution fit in as many bytes, they are put there instead: see assembly/rows.ts
      return (
        (3 * Math.max(output.width, record.BATCH) + 2 * record.BLOCK) * packingOf(op, model).depth +
        SLACK_BYTES
      );
    case format.DEPTHWISE:
      return (
        padTo(inChannels, 16) +
        record.COLUMN *
          (output.width * a.strideX + a.kernelWidth * a.dilationX) *
          Math.ceil(a.kernelHeight / 2)
      );
    case format.GLOBAL_AVERAGE_POOL:
      return 4 * inChannels;
    case format.GATE:
      return 4 * sizes[second!]!.width * inChannels + SLACK_BYTES;
    case format.RESIZE:
      return 4 * input.width * inChannels + 8 * output.width + SLACK_BYTES;
    case format.ARGMAX:
      return record.MASK_BAND + align(4 * (input.width + 1)) + 4 * input.width * inChannels + SLACK_BYTES;
    default:
      return 0;
  }
}

/** Parts of the scratch of `input`, as offsets: one picture row, weights across, rows already resized across. */
export function pictureScratch(size: Size): {
  weights: number;
  rows: number;
  rowCount: number;
  bytes: number;
} {
  const side = format.MAX_IMAGE_SIDE;
  const weights = align(side * 4 + SLACK_BYTES);
  const rows = align(weights + 4 * (2 * side + 5 * size.width));
  const rowCount = Math.ceil((2 * side) / size.height) + 3;
  return { weights, rows, rowCount, bytes: rows + rowCount * size.width * 3 + SLACK_BYTES };
}
