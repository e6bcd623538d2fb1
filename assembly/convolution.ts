/**
 * Dense or grouped k x k convolution:
 *   output[y, x, o] = requantize(bias[o] + sum over ky, kx, i of
 *                       input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, i]
 *                       * weights[o, ky, kx, i], multipliers[o])
 * where i runs over the input channels of o's group, and taps outside the input hold its zero point.
 *
 * input        int8 [inHeight, inWidth, inChannels]
 * weights      int8 [outChannels, kernelHeight, kernelWidth, inChannels / groups], packed: see src/link.ts
 * bias         i32  [outChannels]                 the input zero point is folded in
 * multipliers  f32  [outChannels]                 input scale * weight scale / output scale
 * output       int8 [outHeight, outWidth, outChannels]
 * scratch      int8 [outWidth, depth]             the taps of one output row, side by side; behind them matmul's;
 *                                                 or see rows.ts
 *
 * |sum| < 2^31 while a group has at most 2^16 taps: see matmul.
 */
import * as r from "../src/record";
import { dotsUnsigned, Plain, RelaxedAdd } from "./dot";
import { matmul } from "./matmul";
import { areTame } from "./requantize";
import { convolveRows, fitsRows } from "./rows";

export function convolution(op: usize, first: i32, end: i32): void {
  if (ASC_FEATURE_SIMD && fitsRows(op)) {
    if (ASC_FEATURE_RELAXED_SIMD && dotsUnsigned()) convolveRows<RelaxedAdd>(op, first, end);
    else convolveRows<Plain>(op, first, end);
    return;
  }
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const groups = load<i32>(op, r.GROUPS);
  const scratch = load<usize>(op, r.SCRATCH_AT);
  const groupIn = inChannels / groups;
  const groupOut = outChannels / groups;
  const padded = (groupOut + r.BLOCK - 1) & -r.BLOCK;
  const taps = load<i32>(op, r.KERNEL_HEIGHT) * load<i32>(op, r.KERNEL_WIDTH);
  const tame = areTame(op, groups * padded, taps * groupIn);
  const depth = (taps * groupIn + r.DEPTH_STEP - 1) & -r.DEPTH_STEP;
  for (let y = first; y < end; y++) {
    for (let group = 0; group < groups; group++) {
      gather(op, y, group * groupIn, groupIn, depth);
      matmul(
        op,
        scratch,
        depth,
        outWidth,
        depth,
        group * padded,
        groupOut,
        load<usize>(op, r.OUTPUT_AT) + y * outWidth * outChannels + group * groupOut,
        tame,
        scratch + ((outWidth * depth + 31) & -16),
      );
    }
  }
}

/** Copies the taps of output row `y`, `channels` input channels from `channel` on, into the scratch. */
function gather(op: usize, y: i32, channel: i32, channels: i32, depth: i32): void {
  const inHeight = load<i32>(op, r.IN_HEIGHT);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const kernelWidth = load<i32>(op, r.KERNEL_WIDTH);
  const strideX = load<i32>(op, r.STRIDE_X);
  const dilationX = load<i32>(op, r.DILATION_X);
  const input = load<usize>(op, r.INPUT_AT) + channel;
  const zero = load<i32>(op, r.ZERO);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const dilationY = load<i32>(op, r.DILATION_Y);
  const padLeft = load<i32>(op, r.PAD_LEFT);
  const top = y * load<i32>(op, r.STRIDE_Y) - load<i32>(op, r.PAD_TOP);
  const span = channels * kernelWidth;
  const rowStep = dilationY * inWidth * inChannels;
  const rowsInside = top >= 0 && top + dilationY * (kernelHeight - 1) < inHeight;
  // the taps of a row lie side by side already
  const joined = dilationX == 1 && channels == inChannels && rowsInside;
  let to = load<usize>(op, r.SCRATCH_AT);
  for (let x = 0; x < outWidth; x++) {
    const left = x * strideX - padLeft;
    if (joined && left >= 0 && left + kernelWidth <= inWidth) {
      let from = input + (top * inWidth + left) * inChannels;
      const end = to + kernelHeight * span;
      for (let target = to; target < end; target += span) {
        copy(target, from, span);
        from += rowStep;
      }
      to += depth;
      continue;
    }
    for (let ky = 0; ky < kernelHeight; ky++) {
      const row = top + ky * dilationY;
      for (let kx = 0; kx < kernelWidth; kx++) {
        const column = left + kx * dilationX;
        const inside = row >= 0 && row < inHeight && column >= 0 && column < inWidth;
        const target = to + ky * span + kx * channels;
        if (inside) copy(target, input + (row * inWidth + column) * inChannels, channels);
        else memory.fill(target, <u8>zero, channels);
      }
    }
    to += depth;
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
