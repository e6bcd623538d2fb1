/**
 * How the arrays of a convolution lie in linear memory: for each group of channels blocks of eight output channels,
 *
 *   biases i32 [8] | multipliers f32 [8] | weights int8 [depth / step][8][step]
 *
 * where `step` values are summed at once: 2, or 4 with a relaxed dot product. What is padding is zero. `depth` runs over
 *
 *   pointwise, im2col   kernel row, kernel column, input channel, padded to a multiple of 8
 *   direct              the same, each kernel row padded to a multiple of `step`
 *   depthwise           kernel rows in groups of `step`, kernel column, row of the group; where two output rows are done
 *                       at once, the same follows for the second, one input row lower
 *
 * Behind the blocks of a depthwise convolution lies one pixel of the input's zero point, int8 [channels].
 */
import { padTo } from "./allocate.js";
import { PRELU } from "./format.js";
import { rowsAtOnce } from "./fuse.js";
import { kindOf, type Model, type Op, type Size } from "./ops.js";
import * as record from "./record.js";
import { channelMultipliers } from "./rounding.js";

/** A value of the field `KERNEL` of a record, without the kind of dot product. */
export type Kernel = number;

/** Values that a dot product sums at once. */
export type Step = 2 | 4;

export interface Packing {
  readonly groups: number;
  /** Output channels of one group, padded to whole blocks. */
  readonly channels: number;
  /** Weights of one output channel for one output row, padded. */
  readonly depth: number;
  /** Output rows that have weights of their own. */
  readonly rows: number;
  /** Bytes of a block, of all blocks, and of all with the pixel behind them. */
  readonly blockBytes: number;
  readonly blocksBytes: number;
  readonly bytes: number;
}

/** Packing of a convolution; of any other operation nothing. */
export function packingOf(op: Op, kernel: Kernel, { tensors }: Model, step: Step): Packing {
  const inChannels = tensors[op.inputs[0] ?? op.output]!.channels;
  const { kernelHeight, kernelWidth } = op.attributes;
  const taps = kindOf(op).taps?.(op.attributes, inChannels) ?? 0;
  const groups = op.attributes.groups || 1;
  const isDepthwise = kernel === record.DEPTHWISE_KERNEL;
  const rows = isDepthwise ? rowsAtOnce(op) : 1;
  const depth = isDepthwise
    ? padTo(kernelHeight, step) * kernelWidth
    : kernel === record.DIRECT_KERNEL
      ? kernelHeight * padTo(kernelWidth * inChannels, step)
      : padTo(taps, record.DEPTH_STEP);
  const channels = taps && padTo(tensors[op.output]!.channels / groups, record.BLOCK);
  const blockBytes = record.BLOCK_HEAD + rows * record.BLOCK * depth;
  const blocksBytes = groups * (channels / record.BLOCK) * blockBytes;
  const bytes = blocksBytes + (isDepthwise ? padTo(inChannels, 16) : 0);
  return { groups, channels, depth, rows, blockBytes, blocksBytes, bytes };
}

/** Bytes of the arrays of an operation, whichever of some dot products the host has. */
export function packedBytes(op: Op, kernel: Kernel, model: Model, steps: readonly Step[]): number {
  return Math.max(...steps.map((step) => packingOf(op, kernel, model, step).bytes));
}

/** Bytes of the table of an operation; that of `prelu` is made at load, a multiplier for each channel. */
export function tableBytes({ code, table, scales }: Op): number {
  return code === PRELU ? 4 * padTo(scales.length, record.BLOCK) : table.byteLength;
}

/** Bytes of an input row in the scratch of a direct convolution, with what is read and written beyond its end. */
export function directRowBytes(op: Op, { tensors }: Model, sizes: readonly Size[], step: Step): number {
  const [input] = op.inputs;
  const { strideX, kernelWidth, padLeft } = op.attributes;
  const read = (sizes[op.output]!.width - 1) * strideX + kernelWidth;
  const held = padLeft + sizes[input!]!.width;
  return padTo((4 / step) * Math.max(read, held) * tensors[input!]!.channels + 16, 16);
}

/** How tiles find the taps of a pixel: fields of a record, see assembly/tiles.ts. */
export interface Walk {
  readonly pixelStep: number;
  readonly runs: number;
  readonly runBytes: number;
  readonly runStep: number;
}

/**
 * Of a convolution the way of its tiles through the input, or through the copy of it in the scratch.
 *
 * @param offset what is added to each value to make it unsigned
 */
export function walkOf(
  op: Op,
  kernel: Kernel,
  model: Model,
  sizes: readonly Size[],
  step: Step,
  offset: number,
): Walk {
  const { kernelHeight, kernelWidth, strideX, dilationX } = op.attributes;
  const inChannels = model.tensors[op.inputs[0]!]!.channels;
  const { depth } = packingOf(op, kernel, model, step);
  const bytes = 4 / step;
  switch (kernel) {
    case record.DEPTHWISE_KERNEL: {
      const columns = (sizes[op.output]!.width - 1) * strideX + (kernelWidth - 1) * dilationX + 1;
      return {
        pixelStep: record.COLUMN * strideX,
        runs: Math.ceil(kernelHeight / step),
        runBytes: record.COLUMN * dilationX * kernelWidth,
        runStep: record.COLUMN * columns,
      };
    }
    case record.DIRECT_KERNEL:
      return {
        pixelStep: bytes * strideX * inChannels,
        runs: kernelHeight,
        runBytes: (bytes * depth) / kernelHeight,
        runStep: directRowBytes(op, model, sizes, step),
      };
    default: {
      // what is widened or made unsigned is read from a copy of whole pixels
      const isInPlace = kernel === record.POINTWISE_KERNEL && step === 4 && offset === 0;
      const pixelStep = isInPlace ? inChannels : bytes * depth;
      return { pixelStep, runs: 1, runBytes: bytes * depth, runStep: 0 };
    }
  }
}

/**
 * Writes the arrays of a convolution.
 *
 * @param offset what is added to each value to make it unsigned, which the biases take off
 */
export function pack(
  memory: ArrayBuffer,
  at: number,
  op: Op,
  kernel: Kernel,
  model: Model,
  step: Step,
  offset: number,
): void {
  const { groups, channels, depth, rows, blockBytes, blocksBytes } = packingOf(op, kernel, model, step);
  const outChannels = model.tensors[op.output]!.channels;
  const length = op.weights.length / outChannels;
  const multipliers = channelMultipliers(op, model);
  const view = new DataView(memory, at);
  const groupChannels = outChannels / groups;
  if (kernel === record.DEPTHWISE_KERNEL) {
    new Int8Array(memory, at + blocksBytes, outChannels).fill(model.tensors[op.inputs[0]!]!.zero);
  }
  const places = Array.from({ length: rows }, (_, row) => placesOf(op, kernel, length, step, row));
  for (let channel = 0; channel < outChannels; channel++) {
    const slot = Math.floor(channel / groupChannels) * channels + (channel % groupChannels);
    const lane = slot % record.BLOCK;
    const block = ((slot - lane) / record.BLOCK) * blockBytes;
    const weights = op.weights.subarray(channel * length, (channel + 1) * length);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    view.setInt32(block + 4 * lane, op.bias[channel]! - offset * sum, true);
    view.setFloat32(block + record.BLOCK_HEAD / 2 + 4 * lane, multipliers[channel]!, true);
    places.forEach((place, row) => {
      const first = block + record.BLOCK_HEAD + row * record.BLOCK * depth + step * lane;
      for (let k = 0; k < length; k++) view.setInt8(first + place[k]!, weights[k]!);
    });
  }
}

/** Offset of each weight of an output channel from the channel's first, for one of the output rows done at once. */
function placesOf(op: Op, kernel: Kernel, length: number, step: Step, row: number): Int32Array {
  const { kernelHeight, kernelWidth } = op.attributes;
  // weights of one kernel row, and how far apart the rows of the packed weights are
  const taps = length / (kernel === record.IM2COL_KERNEL ? 1 : Math.max(1, kernelHeight));
  const rowDepth = padTo(taps, step);
  return Int32Array.from({ length }, (_, k) => {
    const ky = Math.floor(k / taps) + row;
    const tap = k % taps;
    const [group, inner] =
      kernel === record.DEPTHWISE_KERNEL
        ? [Math.floor(ky / step) * kernelWidth + tap, ky % step]
        : [Math.floor((ky * rowDepth + tap) / step), tap % step];
    return group * step * record.BLOCK + inner;
  });
}
