/**
 * Dense or grouped k x k convolution by im2col, the taps of an output row copied side by side:
 *   output[y, x, o] = requantize(bias[o] + sum over ky, kx, i of
 *                       input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, i]
 *                       * weights[o, ky, kx, i], multipliers[o])
 * where i runs over the input channels of o's group, and taps outside the input hold its zero point.
 *
 * input        int8 [inHeight, inWidth, inChannels]
 * weights      int8 [outChannels, kernelHeight, kernelWidth, inChannels / groups], packed: see src/pack.ts
 * bias         i32  [outChannels]                 the input zero point is folded in
 * multipliers  f32  [outChannels]                 input scale * weight scale / output scale
 * output       int8, or int16 of wide logits, [outHeight, outWidth, outChannels]
 * scratch      int8 [outWidth, depth]             the taps of one output row; behind them matmul's
 *
 * |sum| < 2^31 while a group has at most 2^16 taps: see matmul.
 */
import * as r from "../src/record";
import { matmul } from "./matmul";
import { isColumn, isRow, leftOf, pixelAt, topOf } from "./window";

export function convolution<F>(op: usize, first: i32, end: i32): void {
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const groups = load<i32>(op, r.GROUPS);
  const scratch = load<usize>(op, r.SCRATCH_AT);
  const groupIn = load<i32>(op, r.IN_CHANNELS) / groups;
  const groupOut = outChannels / groups;
  const groupBytes = ((groupOut + r.BLOCK - 1) / r.BLOCK) * load<i32>(op, r.BLOCK_BYTES);
  const depth = load<i32>(op, r.DEPTH);
  const valueBytes = load<i32>(op, r.VALUE_BYTES);
  for (let y = first; y < end; y++) {
    for (let group = 0; group < groups; group++) {
      im2col(op, y, group * groupIn, groupIn);
      matmul<F>(
        op,
        scratch,
        depth,
        outWidth,
        load<usize>(op, r.BLOCKS_AT) + group * groupBytes,
        groupOut,
        load<usize>(op, r.OUTPUT_AT) + (y * outWidth * outChannels + group * groupOut) * valueBytes,
        scratch + ((outWidth * depth + 31) & -16),
      );
    }
  }
}

/** Copies the taps of output row `y`, `channels` input channels from `channel` on, into the scratch. */
function im2col(op: usize, y: i32, channel: i32, channels: i32): void {
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const kernelWidth = load<i32>(op, r.KERNEL_WIDTH);
  const dilationX = load<i32>(op, r.DILATION_X);
  const dilationY = load<i32>(op, r.DILATION_Y);
  const zero = load<i32>(op, r.ZERO);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const top = topOf(op, y);
  const span = channels * kernelWidth;
  const rowStep = dilationY * load<i32>(op, r.IN_WIDTH) * inChannels;
  const rowsInside = isRow(op, top) && isRow(op, top + dilationY * (kernelHeight - 1));
  // the taps of a row lie side by side already
  const joined = dilationX == 1 && channels == inChannels && rowsInside;
  let to = load<usize>(op, r.SCRATCH_AT);
  for (let x = 0; x < outWidth; x++) {
    const left = leftOf(op, x);
    if (joined && isColumn(op, left) && isColumn(op, left + kernelWidth - 1)) {
      let from = pixelAt(op, top, left);
      const end = to + kernelHeight * span;
      for (let target = to; target < end; target += span) {
        copy(target, from, span);
        from += rowStep;
      }
      to += load<i32>(op, r.DEPTH);
      continue;
    }
    for (let ky = 0; ky < kernelHeight; ky++) {
      const row = top + ky * dilationY;
      for (let kx = 0; kx < kernelWidth; kx++) {
        const column = left + kx * dilationX;
        const target = to + ky * span + kx * channels;
        if (isRow(op, row) && isColumn(op, column))
          copy(target, pixelAt(op, row, column) + channel, channels);
        else memory.fill(target, <u8>zero, channels);
      }
    }
    to += load<i32>(op, r.DEPTH);
  }
}

/** Copies `bytes`, and possibly up to 15 more that the caller writes afterwards or never uses. */
function copy(to: usize, from: usize, bytes: i32): void {
  if (ASC_FEATURE_SIMD) {
    for (let at = 0; at < bytes; at += 16) v128.store(to + at, v128.load(from + at));
  } else {
    memory.copy(to, from, bytes);
  }
}
