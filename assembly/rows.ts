/**
 * Dense convolution in SIMD builds, of input that may be negative, whose tiles read the input where it lies: the rows
 * under one output row are copied, with zero points around them, and neighbouring pixels share them. What is computed
 * is in convolution.ts.
 *
 * As Plain, values and weights are widened to int16 and summed by pairs. As RelaxedAdd, where the host `dotsUnsigned`,
 * values are made unsigned by adding 128, which the bias takes off again, and summed by fours.
 *
 * scratch   i32 [outChannels]                                          bias
 *           int16 or int8 [outChannels / 8][kernelHeight][depth / group][8][group]   weights, group 2 or 4;
 *                          depth is kernelWidth * inChannels, padded to whole groups
 *           int16 or uint8 [kernelHeight][columns, inChannels]         rows
 */
import * as r from "../src/record";
import { groupOf, PLAIN, Plain } from "./dot";
import { areTame } from "./requantize";
import { Shared, tiles } from "./tiles";

/**
 * Whether `convolveRows` can compute an operation, in the scratch that plan.ts gives a convolution; RelaxedAdd takes no
 * more of it than Plain.
 */
export function fitsRows(op: usize): bool {
  const depth = load<i32>(op, r.KERNEL_HEIGHT) * load<i32>(op, r.KERNEL_WIDTH) * load<i32>(op, r.IN_CHANNELS);
  const given = <i64>(3 * max(load<i32>(op, r.OUT_WIDTH), r.BATCH) + 2 * r.BLOCK) * padded(depth);
  return (
    load<i32>(op, r.FORM) == PLAIN &&
    load<i32>(op, r.GROUPS) == 1 &&
    load<i32>(op, r.DILATION_X) == 1 &&
    arraysBytes<Plain>(op) + <i64>load<i32>(op, r.KERNEL_HEIGHT) * rowBytesOf<Plain>(op) <= given
  );
}

/** Output rows `first`..`end`. */
export function convolveRows<F>(op: usize, first: i32, end: i32): void {
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const bytes = bytesOf<F>();
  const depth = depthOf<F>(op);
  const rowBytes = rowBytesOf<F>(op);
  const bias = load<usize>(op, r.SCRATCH_AT);
  const weights = bias + 4 * paddedChannels(op);
  const rows = bias + <i32>arraysBytes<F>(op);
  const tame = areTame(op, outChannels, kernelHeight * depth);
  unpack<F>(op, bias, weights);
  for (let y = first; y < end; y++) {
    const top = y * load<i32>(op, r.STRIDE_Y) - load<i32>(op, r.PAD_TOP);
    for (let ky = 0; ky < kernelHeight; ky++) {
      copyRow<F>(op, top + ky * load<i32>(op, r.DILATION_Y), rows + ky * rowBytes);
    }
    for (let channel = 0; channel < outChannels; channel += r.BLOCK) {
      tiles<F, Shared>(
        op,
        rows,
        bytes * load<i32>(op, r.STRIDE_X) * load<i32>(op, r.IN_CHANNELS),
        outWidth,
        bytes * depth,
        4,
        kernelHeight,
        rowBytes,
        weights + bytes * channel * kernelHeight * depth,
        bias + 4 * channel,
        channel,
        load<usize>(op, r.OUTPUT_AT) + y * outWidth * outChannels + channel,
        min(r.BLOCK, outChannels - channel),
        tame,
      );
    }
  }
}

function padded(depth: i32): i32 {
  return (depth + r.DEPTH_STEP - 1) & -r.DEPTH_STEP;
}

function paddedChannels(op: usize): i32 {
  return (load<i32>(op, r.OUT_CHANNELS) + r.BLOCK - 1) & -r.BLOCK;
}

/** Bytes of a value. */
function bytesOf<F>(): i32 {
  return 4 / groupOf<F>();
}

/** Values of one kernel row, in whole groups. */
function depthOf<F>(op: usize): i32 {
  return (load<i32>(op, r.KERNEL_WIDTH) * load<i32>(op, r.IN_CHANNELS) + groupOf<F>() - 1) & -groupOf<F>();
}

/** Bytes of bias and weights. */
function arraysBytes<F>(op: usize): i64 {
  const channel = 4 + <i64>bytesOf<F>() * load<i32>(op, r.KERNEL_HEIGHT) * depthOf<F>(op);
  return channel * paddedChannels(op);
}

/** Bytes of a copied row, with what is read and written beyond its end. */
function rowBytesOf<F>(op: usize): i32 {
  const read = (load<i32>(op, r.OUT_WIDTH) - 1) * load<i32>(op, r.STRIDE_X) + load<i32>(op, r.KERNEL_WIDTH);
  const held = load<i32>(op, r.PAD_LEFT) + load<i32>(op, r.IN_WIDTH);
  return (bytesOf<F>() * max(read, held) * load<i32>(op, r.IN_CHANNELS) + 31) & -16;
}

/** Bias and weights from link's packing, [outChannels / 8][taps / 2][8][2] int8, to those of the scratch. */
function unpack<F>(op: usize, bias: usize, weights: usize): void {
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const taps = load<i32>(op, r.KERNEL_WIDTH) * load<i32>(op, r.IN_CHANNELS);
  const bytes = bytesOf<F>();
  const group = groupOf<F>();
  const depth = depthOf<F>(op);
  const channels = paddedChannels(op);
  memory.fill(weights, 0, bytes * channels * kernelHeight * depth);
  for (let channel = 0; channel < channels; channel++) {
    const lane = channel % r.BLOCK;
    const block = channel - lane;
    const from = load<usize>(op, r.WEIGHTS_AT) + block * padded(kernelHeight * taps) + 2 * lane;
    let sum = 0;
    for (let ky = 0; ky < kernelHeight; ky++) {
      const to = weights + bytes * ((block * kernelHeight + r.BLOCK * ky) * depth + group * lane);
      for (let tap = 0; tap < taps; tap++) {
        const k = ky * taps + tap;
        const weight = load<i8>(from + (k >> 1) * 2 * r.BLOCK + (k & 1));
        const place = to + bytes * ((tap / group) * group * r.BLOCK + (tap % group));
        if (bytes == 2) store<i16>(place, weight);
        else store<i8>(place, weight);
        sum += weight;
      }
    }
    const added = bytes == 2 ? 0 : 128 * sum;
    store<i32>(bias + 4 * channel, load<i32>(load<usize>(op, r.BIAS_AT) + 4 * channel) - added);
  }
}

/** An input row as int16 or, with 128 added, as bytes; zero points on both sides, and alone where there is no row. */
function copyRow<F>(op: usize, row: i32, to: usize): void {
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const values = load<i32>(op, r.IN_WIDTH) * inChannels;
  const bytes = bytesOf<F>();
  const zero = load<i32>(op, r.ZERO);
  const zeros = bytes == 2 ? i16x8.splat(<i16>zero) : i8x16.splat(<i8>(zero ^ -128));
  const end = to + rowBytesOf<F>(op);
  for (let at = to; at < end; at += 16) v128.store(at, zeros);
  if (row < 0 || row >= load<i32>(op, r.IN_HEIGHT)) return;
  const input = load<usize>(op, r.INPUT_AT) + row * values;
  const start = to + bytes * load<i32>(op, r.PAD_LEFT) * inChannels;
  let i = 0;
  if (bytes == 2) {
    for (; i + 8 <= values; i += 8) v128.store(start + 2 * i, v128.load_ext<i8>(input + i));
    for (; i < values; i++) store<i16>(start + 2 * i, load<i8>(input + i));
  } else {
    for (; i + 16 <= values; i += 16) {
      v128.store(start + i, v128.xor(v128.load(input + i), i8x16.splat(-128)));
    }
    for (; i < values; i++) store<i8>(start + i, load<i8>(input + i) ^ -128);
  }
}
