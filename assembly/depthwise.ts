/**
 * Depthwise k x k convolution:
 *   output[y, x, c] = requantize(bias[c] + sum over ky, kx of
 *                       input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, c]
 *                       * weights[c, ky, kx], multipliers[c])
 * where taps outside the input hold its zero point.
 *
 * input        int8 [inHeight, inWidth, channels]  or a window of its rows: row y lies at y modulo the rows held
 * weights      int8 [channels, kernelHeight, kernelWidth], packed: see src/pack.ts
 * bias         i32  [channels]                  the input zero point is folded in
 * multipliers  f32  [channels]                  input scale * weight scale / output scale
 * output       int8 [outHeight, outWidth, channels]
 * scratch      in SIMD builds the columns of sixteen channels under one output row, [kernelHeight / group][columns][16]
 *              [group], int16 or, with relaxed dot products, int8; else addresses of the taps of one pixel, u32
 *              [kernelHeight / 2][kernelWidth][2]
 *
 * Taps of `group` input rows are summed at once: 4 with relaxed dot products, else 2. Two output rows are done
 * together where they need no more groups than one; weights of the second then lie one input row lower.
 *
 * |sum| < 2^31 since a kernel has at most 255 * 255 taps, |input * weight| <= 2^14 and |bias| < 2^30.
 */
import * as r from "../src/record";
import { packColumns } from "./depthwise-packing";
import { groupOf } from "./dot";
import { put, requantize } from "./requantize";
import { Columns, tiles } from "./tiles";
import { isColumn, isRow, leftOf, pixelAt, topOf } from "./window";

export function depthwise<F>(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const rowBytes = load<i32>(op, r.OUT_WIDTH) * channels;
  const atOnce = ASC_FEATURE_SIMD ? load<i32>(op, r.ROWS_AT_ONCE) : 1;
  for (let y = first; y < end; y += atOnce) {
    const output = load<usize>(op, r.OUTPUT_AT) + y * rowBytes;
    if (ASC_FEATURE_SIMD) blocks<F>(op, topOf(op, y), output, min(atOnce, end - y));
    else pixels(op, topOf(op, y), output);
  }
}

/** One output row or a pair, eight channels at a time, whose taps begin in input row `top`. */
function blocks<F>(op: usize, top: i32, output: usize, rows: i32): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const rowBytes = load<i32>(op, r.OUT_WIDTH) * channels;
  const groups = load<i32>(op, r.RUNS);
  const groupBytes = load<i32>(op, r.RUN_STEP);
  const scratch = load<usize>(op, r.SCRATCH_AT);
  let block = load<usize>(op, r.BLOCKS_AT);
  for (let channel = 0; channel < channels; channel += r.BLOCK) {
    const isSecond = (channel & r.BLOCK) != 0; // of the eights that are packed together
    for (let at = 0; !isSecond && at < groups; at++) {
      packColumns<F>(op, top, at * groupOf<F>(), channel, scratch + at * groupBytes);
    }
    const input = isSecond ? scratch + r.COLUMN / 2 : scratch;
    const count = min(r.BLOCK, channels - channel);
    let weights = block + r.BLOCK_HEAD;
    for (let row = 0; row < rows; row++) {
      const to = output + channel + row * rowBytes;
      tiles<F, Columns>(op, input, load<i32>(op, r.OUT_WIDTH), block, weights, to, count);
      weights += r.BLOCK * load<i32>(op, r.DEPTH);
    }
    block += load<i32>(op, r.BLOCK_BYTES);
  }
}

/** One output row without SIMD, whose taps begin in input row `top`: lists the addresses of a pixel's taps. */
function pixels(op: usize, top: i32, output: usize): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const outside = load<usize>(op, r.OUTSIDE_AT);
  const pointers = load<usize>(op, r.SCRATCH_AT);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  for (let x = 0; x < load<i32>(op, r.OUT_WIDTH); x++) {
    const left = leftOf(op, x);
    let slot = pointers;
    for (let ky = 0; ky < kernelHeight; ky += 2) {
      for (let kx = 0; kx < load<i32>(op, r.KERNEL_WIDTH); kx++) {
        const column = left + kx * load<i32>(op, r.DILATION_X);
        for (let inner = ky; inner < ky + 2; inner++) {
          const row = top + inner * load<i32>(op, r.DILATION_Y);
          const isInside = inner < kernelHeight && isRow(op, row) && isColumn(op, column);
          store<u32>(slot, <u32>(isInside ? pixelAt(op, row, column) : outside));
          slot += 4;
        }
      }
    }
    pixel(op, pointers, slot, output);
    output += channels;
  }
}

/** One pixel from the addresses of its taps, `pointers` to `end`. */
function pixel(op: usize, pointers: usize, end: usize, output: usize): void {
  const zero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - zero);
  const high = <f32>(load<i32>(op, r.MAX) - zero);
  for (let channel = 0; channel < load<i32>(op, r.IN_CHANNELS); channel++) {
    const lane = channel % r.BLOCK;
    const block = load<usize>(op, r.BLOCKS_AT) + (channel / r.BLOCK) * load<i32>(op, r.BLOCK_BYTES);
    let weight = block + r.BLOCK_HEAD + 2 * lane;
    let sum = load<i32>(block + 4 * lane);
    for (let at = pointers; at < end; at += 8) {
      sum += <i32>load<i8>(<usize>load<u32>(at) + channel) * <i32>load<i8>(weight);
      sum += <i32>load<i8>(<usize>load<u32>(at, 4) + channel) * <i32>load<i8>(weight, 1);
      weight += 2 * r.BLOCK;
    }
    put(op, output + channel, requantize(sum, load<f32>(block + 4 * lane, 32), low, high, zero));
  }
}
