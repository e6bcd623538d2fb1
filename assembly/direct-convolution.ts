/**
 * Dense convolution whose tiles read the input where it lies: the rows under one output row are copied, with zero points
 * around them, and neighbouring pixels share them. What is computed is in convolution.ts; one group, dilationX 1.
 *
 * As Plain, values and weights are widened to int16. The relaxed dot products take values as bytes: those that may be
 * negative are made unsigned by adding OFFSET, which the bias takes off again.
 *
 * scratch   int16 or uint8 [kernelHeight][columns, inChannels]   rows, RUN_STEP bytes apart
 *           int16 [8][depth]                                     weights of a block, as Plain
 */
import * as r from "../src/record";
import { groupOf } from "./dot";
import { widen } from "./matmul";
import { pixel } from "./scalar";
import { Apart, tiles } from "./tiles";
import { isRow, pixelAt, topOf } from "./window";

/** Output rows `first`..`end`. */
export function directConvolution<F>(op: usize, first: i32, end: i32): void {
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const valueBytes = load<i32>(op, r.VALUE_BYTES);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const rows = load<usize>(op, r.SCRATCH_AT);
  const rowBytes = load<i32>(op, r.RUN_STEP);
  const wide = rows + kernelHeight * rowBytes;
  for (let y = first; y < end; y++) {
    const top = topOf(op, y);
    for (let ky = 0; ky < kernelHeight; ky++) {
      copyRow<F>(op, top + ky * load<i32>(op, r.DILATION_Y), rows + ky * rowBytes);
    }
    let block = load<usize>(op, r.BLOCKS_AT);
    for (let channel = 0; channel < outChannels; channel += r.BLOCK) {
      const output = load<usize>(op, r.OUTPUT_AT) + (y * outWidth * outChannels + channel) * valueBytes;
      const count = min(r.BLOCK, outChannels - channel);
      if (ASC_FEATURE_SIMD) {
        let weights = block + r.BLOCK_HEAD;
        if (groupOf<F>() == 2) {
          widen(weights, 0, 1, r.BLOCK * load<i32>(op, r.DEPTH), wide);
          weights = wide;
        }
        tiles<F, Apart>(op, rows, outWidth, block, weights, output, count);
      } else {
        pixels(op, rows, block, output, count);
      }
      block += load<i32>(op, r.BLOCK_BYTES);
    }
  }
}

/** `count` of eight output channels of one output row, without SIMD. */
function pixels(op: usize, input: usize, block: usize, output: usize, count: i32): void {
  for (let x = load<i32>(op, r.OUT_WIDTH); x > 0; x--) {
    const runStep = load<i32>(op, r.RUN_STEP);
    pixel<i16>(op, input, load<i32>(op, r.RUNS), load<i32>(op, r.RUN_BYTES), runStep, block, output, count);
    input += load<i32>(op, r.PIXEL_STEP);
    output += load<i32>(op, r.OUT_CHANNELS) * load<i32>(op, r.VALUE_BYTES);
  }
}

/** An input row as int16 or, with OFFSET added, as bytes; zero points on both sides, and alone where there is no row. */
function copyRow<F>(op: usize, row: i32, to: usize): void {
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const values = load<i32>(op, r.IN_WIDTH) * inChannels;
  const bytes = 4 / groupOf<F>();
  const offset = load<i32>(op, r.OFFSET);
  const zero = load<i32>(op, r.ZERO);
  const end = to + load<i32>(op, r.RUN_STEP);
  if (ASC_FEATURE_SIMD) {
    const zeros = bytes == 2 ? i16x8.splat(<i16>zero) : i8x16.splat(<i8>(zero ^ offset));
    for (let at = to; at < end; at += 16) v128.store(at, zeros);
  } else {
    for (let at = to; at < end; at += 2) store<i16>(at, zero);
  }
  if (!isRow(op, row)) return;
  const input = pixelAt(op, row, 0);
  const start = to + bytes * load<i32>(op, r.PAD_LEFT) * inChannels;
  let i = 0;
  if (bytes == 2) {
    if (ASC_FEATURE_SIMD) {
      for (; i + 8 <= values; i += 8) v128.store(start + 2 * i, v128.load_ext<i8>(input + i));
    }
    for (; i < values; i++) store<i16>(start + 2 * i, load<i8>(input + i));
  } else if (ASC_FEATURE_SIMD) {
    const offsets = i8x16.splat(<i8>offset);
    for (; i + 16 <= values; i += 16) v128.store(start + i, v128.xor(v128.load(input + i), offsets));
    for (; i < values; i++) store<i8>(start + i, load<i8>(input + i) ^ offset);
  }
}
