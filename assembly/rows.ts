/**
 * Dense convolution in SIMD builds, of input that may be negative, whose tiles read the input where it lies: the rows
 * under one output row are copied, with zero points around them, and neighbouring pixels share them. What is computed
 * is in convolution.ts.
 *
 * Values and weights are widened to int16 and summed by pairs; or, where the host has a dot product of unsigned and
 * signed bytes, values are made unsigned by adding 128, which the bias takes off again, and summed by fours.
 *
 * scratch   i32 [outChannels]                                          bias
 *           int16 or int8 [outChannels / 8][kernelHeight][depth / group][8][group]   weights, group 2 or 4;
 *                          depth is kernelWidth * inChannels, padded to whole groups
 *           int16 or uint8 [kernelHeight][columns, inChannels]         rows
 */
import * as r from "../src/record";
import { dotsUnsigned, PLAIN, RELAXED_ADD } from "./dot";
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
    arraysBytes(op, 2) + <i64>load<i32>(op, r.KERNEL_HEIGHT) * rowBytesOf(op, 2) <= given
  );
}

/** Output rows `first`..`end`. */
export function convolveRows(op: usize, first: i32, end: i32): void {
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const form = dotsUnsigned() ? RELAXED_ADD : PLAIN;
  const bytes = form == PLAIN ? 2 : 1;
  const step = bytes * load<i32>(op, r.STRIDE_X) * load<i32>(op, r.IN_CHANNELS);
  const zero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - zero);
  const most = load<i32>(op, r.MAX);
  const bias = load<usize>(op, r.SCRATCH_AT);
  const weights = bias + 4 * paddedChannels(op);
  const rows = bias + <i32>arraysBytes(op, bytes);
  const rowBytes = rowBytesOf(op, bytes);
  const depth = depthOf(op, bytes);
  const tame = areTame(op, outChannels, kernelHeight * depth);
  unpack(op, bytes, bias, weights);
  for (let y = first; y < end; y++) {
    const top = y * load<i32>(op, r.STRIDE_Y) - load<i32>(op, r.PAD_TOP);
    for (let ky = 0; ky < kernelHeight; ky++) {
      const row = top + ky * load<i32>(op, r.DILATION_Y);
      if (form == PLAIN) widenRow(op, row, rows + ky * rowBytes);
      else unsignedRow(op, row, rows + ky * rowBytes);
    }
    for (let channel = 0; channel < outChannels; channel += r.BLOCK) {
      const count = min(r.BLOCK, outChannels - channel);
      const to = load<usize>(op, r.OUTPUT_AT) + y * outWidth * outChannels + channel;
      tiles(
        rows,
        step,
        outWidth,
        depth,
        kernelHeight,
        rowBytes,
        weights + bytes * channel * kernelHeight * depth,
        bias + 4 * channel,
        load<usize>(op, r.MULTIPLIERS_AT) + 4 * channel,
        to,
        outChannels,
        count,
        zero,
        low,
        most,
        form,
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

/** Values of one kernel row, in whole groups: of 2 int16 or of 4 bytes. */
function depthOf(op: usize, bytes: i32): i32 {
  const group = 4 / bytes;
  return (load<i32>(op, r.KERNEL_WIDTH) * load<i32>(op, r.IN_CHANNELS) + group - 1) & -group;
}

/** Bytes of bias and weights. */
function arraysBytes(op: usize, bytes: i32): i64 {
  const channel = 4 + <i64>bytes * load<i32>(op, r.KERNEL_HEIGHT) * depthOf(op, bytes);
  return channel * paddedChannels(op);
}

/** Bytes of a copied row, with what is read and written beyond its end. */
function rowBytesOf(op: usize, bytes: i32): i32 {
  const read = (load<i32>(op, r.OUT_WIDTH) - 1) * load<i32>(op, r.STRIDE_X) + load<i32>(op, r.KERNEL_WIDTH);
  const held = load<i32>(op, r.PAD_LEFT) + load<i32>(op, r.IN_WIDTH);
  return (bytes * max(read, held) * load<i32>(op, r.IN_CHANNELS) + 31) & -16;
}

/** Bias and weights from link's packing, [outChannels / 8][taps / 2][8][2] int8, to those of the scratch. */
function unpack(op: usize, bytes: i32, bias: usize, weights: usize): void {
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const taps = load<i32>(op, r.KERNEL_WIDTH) * load<i32>(op, r.IN_CHANNELS);
  const depth = depthOf(op, bytes);
  const group = 4 / bytes;
  const channels = paddedChannels(op);
  const from = load<usize>(op, r.WEIGHTS_AT);
  memory.fill(weights, 0, bytes * channels * kernelHeight * depth);
  for (let channel = 0; channel < channels; channel++) {
    const lane = channel % r.BLOCK;
    const block = channel - lane;
    let sum = 0;
    for (let ky = 0; ky < kernelHeight; ky++) {
      for (let tap = 0; tap < taps; tap++) {
        const k = ky * taps + tap;
        const weight = load<i8>(
          from + block * padded(kernelHeight * taps) + (k >> 1) * 2 * r.BLOCK + 2 * lane + (k & 1),
        );
        const place = (tap / group) * group * r.BLOCK + group * lane + (tap % group);
        const to = weights + bytes * ((block * kernelHeight + ky * r.BLOCK) * depth + place);
        if (bytes == 2) store<i16>(to, weight);
        else store<i8>(to, weight);
        sum += weight;
      }
    }
    const added = bytes == 2 ? 0 : 128 * sum;
    store<i32>(bias + 4 * channel, load<i32>(load<usize>(op, r.BIAS_AT) + 4 * channel) - added);
  }
}

/** An input row as int16, its zero point on both sides; of a row outside the input nothing else. */
function widenRow(op: usize, row: i32, to: usize): void {
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const values = load<i32>(op, r.IN_WIDTH) * inChannels;
  const end = to + rowBytesOf(op, 2);
  const zeros = i16x8.splat(<i16>load<i32>(op, r.ZERO));
  const start = to + 2 * load<i32>(op, r.PAD_LEFT) * inChannels;
  for (let at = to; at < end; at += 16) v128.store(at, zeros);
  if (row < 0 || row >= load<i32>(op, r.IN_HEIGHT)) return;
  const input = load<usize>(op, r.INPUT_AT) + row * values;
  let i = 0;
  for (; i + 8 <= values; i += 8) v128.store(start + 2 * i, v128.load_ext<i8>(input + i));
  for (; i < values; i++) store<i16>(start + 2 * i, load<i8>(input + i));
}

/** `widenRow` for values plus 128, as bytes. */
function unsignedRow(op: usize, row: i32, to: usize): void {
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const values = load<i32>(op, r.IN_WIDTH) * inChannels;
  const bytes = rowBytesOf(op, 1);
  const start = to + load<i32>(op, r.PAD_LEFT) * inChannels;
  memory.fill(to, <u8>(load<i32>(op, r.ZERO) + 128), bytes);
  if (row < 0 || row >= load<i32>(op, r.IN_HEIGHT)) return;
  const input = load<usize>(op, r.INPUT_AT) + row * values;
  const signs = i8x16.splat(-128);
  let i = 0;
  for (; i + 16 <= values; i += 16) v128.store(start + i, v128.xor(v128.load(input + i), signs));
  for (; i < values; i++) store<i8>(start + i, load<i8>(input + i) ^ -128);
}
