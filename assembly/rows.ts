/**
 * Dense convolution in SIMD builds, form PLAIN, whose tiles read the input where it lies: the rows under one output
 * row are widened to int16, with zero points around them, and neighbouring pixels share them. What is computed is in
 * convolution.ts.
 *
 * scratch   int16 [outChannels / 8][kernelHeight][depth / 2][8][2]   weights; depth is kernelWidth * inChannels,
 *           int16 [kernelHeight][columns, inChannels]                made even; then the rows
 */
import * as r from "../src/record";
import { PLAIN } from "./dot";
import { areTame } from "./requantize";
import { tiles } from "./tiles";

/** Whether `convolveRows` can compute an operation, in the scratch that plan.ts gives a convolution. */
export function fitsRows(op: usize): bool {
  const depth = load<i32>(op, r.KERNEL_HEIGHT) * load<i32>(op, r.KERNEL_WIDTH) * load<i32>(op, r.IN_CHANNELS);
  const given = <i64>(3 * max(load<i32>(op, r.OUT_WIDTH), r.BATCH) + 2 * r.BLOCK) * padded(depth);
  return (
    load<i32>(op, r.FORM) == PLAIN &&
    load<i32>(op, r.GROUPS) == 1 &&
    load<i32>(op, r.DILATION_X) == 1 &&
    weightsBytes(op) + <i64>load<i32>(op, r.KERNEL_HEIGHT) * rowBytesOf(op) <= given
  );
}

/** Output rows `first`..`end`. */
export function convolveRows(op: usize, first: i32, end: i32): void {
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const step = 2 * load<i32>(op, r.STRIDE_X) * load<i32>(op, r.IN_CHANNELS);
  const zero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - zero);
  const most = load<i32>(op, r.MAX);
  const scratch = load<usize>(op, r.SCRATCH_AT);
  const rows = scratch + <i32>weightsBytes(op);
  const rowBytes = rowBytesOf(op);
  const depth = depthOf(op);
  const tame = areTame(op, outChannels, kernelHeight * depth);
  unpack(op, scratch);
  for (let y = first; y < end; y++) {
    const top = y * load<i32>(op, r.STRIDE_Y) - load<i32>(op, r.PAD_TOP);
    for (let ky = 0; ky < kernelHeight; ky++) {
      widenRow(op, top + ky * load<i32>(op, r.DILATION_Y), rows + ky * rowBytes);
    }
    for (let channel = 0; channel < outChannels; channel += r.BLOCK) {
      const count = min(r.BLOCK, outChannels - channel);
      const weights = scratch + 2 * channel * kernelHeight * depth;
      const bias = load<usize>(op, r.BIAS_AT) + 4 * channel;
      const multipliers = load<usize>(op, r.MULTIPLIERS_AT) + 4 * channel;
      const to = load<usize>(op, r.OUTPUT_AT) + y * outWidth * outChannels + channel;
      tiles(
        rows,
        step,
        outWidth,
        depth,
        kernelHeight,
        rowBytes,
        weights,
        bias,
        multipliers,
        to,
        outChannels,
        count,
        zero,
        low,
        most,
        PLAIN,
        tame,
      );
    }
  }
}

function padded(depth: i32): i32 {
  return (depth + r.DEPTH_STEP - 1) & -r.DEPTH_STEP;
}

/** Values of one kernel row, made even. */
function depthOf(op: usize): i32 {
  return (load<i32>(op, r.KERNEL_WIDTH) * load<i32>(op, r.IN_CHANNELS) + 1) & -2;
}

function weightsBytes(op: usize): i64 {
  const channels = (load<i32>(op, r.OUT_CHANNELS) + r.BLOCK - 1) & -r.BLOCK;
  return 2 * <i64>channels * load<i32>(op, r.KERNEL_HEIGHT) * depthOf(op);
}

/** Bytes of a widened row, with what is read and written beyond its end. */
function rowBytesOf(op: usize): i32 {
  const read = (load<i32>(op, r.OUT_WIDTH) - 1) * load<i32>(op, r.STRIDE_X) + load<i32>(op, r.KERNEL_WIDTH);
  const held = load<i32>(op, r.PAD_LEFT) + load<i32>(op, r.IN_WIDTH);
  return (2 * max(read, held) * load<i32>(op, r.IN_CHANNELS) + 31) & -16;
}

/** Weights from link's packing, [outChannels / 8][taps / 2][8][2] int8, to int16 by kernel rows; see above. */
function unpack(op: usize, to: usize): void {
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const taps = load<i32>(op, r.KERNEL_WIDTH) * load<i32>(op, r.IN_CHANNELS);
  const depth = depthOf(op);
  const bytes = <i32>weightsBytes(op);
  const block = r.BLOCK * padded(kernelHeight * taps);
  let from = load<usize>(op, r.WEIGHTS_AT);
  memory.fill(to, 0, bytes);
  for (const last = to + bytes; to < last; from += block) {
    for (let ky = 0; ky < kernelHeight; ky++) {
      for (let tap = 0; tap < taps; tap++) {
        const k = ky * taps + tap;
        for (let lane = 0; lane < r.BLOCK; lane++) {
          const weight = load<i8>(from + (k >> 1) * 2 * r.BLOCK + 2 * lane + (k & 1));
          store<i16>(to + 2 * ((tap >> 1) * 2 * r.BLOCK + 2 * lane + (tap & 1)), weight);
        }
      }
      to += 2 * r.BLOCK * depth;
    }
  }
}

/** An input row as int16, its zero point on both sides; of a row outside the input nothing else. */
function widenRow(op: usize, row: i32, to: usize): void {
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const values = load<i32>(op, r.IN_WIDTH) * inChannels;
  const end = to + rowBytesOf(op);
  const zeros = i16x8.splat(<i16>load<i32>(op, r.ZERO));
  const start = to + 2 * load<i32>(op, r.PAD_LEFT) * inChannels;
  for (let at = to; at < end; at += 16) v128.store(at, zeros);
  if (row < 0 || row >= load<i32>(op, r.IN_HEIGHT)) return;
  const input = load<usize>(op, r.INPUT_AT) + row * values;
  let i = 0;
  for (; i + 8 <= values; i += 8) v128.store(start + 2 * i, v128.load_ext<i8>(input + i));
  for (; i < values; i++) store<i16>(start + 2 * i, load<i8>(input + i));
}
