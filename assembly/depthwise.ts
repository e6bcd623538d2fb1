/**
 * Depthwise k x k convolution:
 *   output[y, x, c] = requantize(bias[c] + sum over ky, kx of
 *                       input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, c]
 *                       * weights[c, ky, kx], multipliers[c])
 * where taps outside the input hold its zero point.
 *
 * input        int8 [inHeight, inWidth, channels]  or a window of its rows, which the pointwise convolution
 *                                               before fills as needed: row y lies at y modulo the rows held
 * weights      int8 [channels / 8][taps / 2][8][2], packed: see src/link.ts
 * bias         i32  [channels]                  the input zero point is folded in
 * multipliers  f32  [channels]                  input scale * weight scale / output scale
 * output       int8 [outHeight, outWidth, channels]
 * scratch      u32  [taps] addresses of one pixel's taps, then int8 [channels] of the input's zero point
 *
 * |sum| < 2^31 since a kernel has at most 255 * 255 taps, |input * weight| <= 2^14 and |bias| < 2^30.
 */
import * as r from "../src/record";
import { finish } from "./matmul";
import { pointwise } from "./pointwise";
import { requantize } from "./requantize";

export function depthwise(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const scratch = load<usize>(op, r.SCRATCH_AT);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const kernelWidth = load<i32>(op, r.KERNEL_WIDTH);
  const taps = (kernelHeight * kernelWidth + 1) & -2;
  const outside = scratch + ((4 * taps + 15) & -16);
  memory.fill(outside, <u8>load<i32>(op, r.ZERO), channels);
  store<u32>(scratch + 4 * (taps - 1), <u32>outside);

  // columns first..last have all their taps inside, left and right of them some are not
  let firstInside = outWidth;
  let endInside = outWidth;
  if (ASC_FEATURE_SIMD && kernelHeight == 3 && kernelWidth == 3 && load<i32>(op, r.DILATION_X) == 1) {
    const stride = load<i32>(op, r.STRIDE_X);
    const pad = load<i32>(op, r.PAD_LEFT);
    const room = load<i32>(op, r.IN_WIDTH) - 3 + pad;
    firstInside = min(outWidth, (pad + stride - 1) / stride);
    endInside = room < 0 ? firstInside : max(firstInside, min(outWidth, room / stride + 1));
  }
  const maker = load<usize>(op, r.MAKER_AT);
  const span = load<i32>(op, r.DILATION_Y) * (kernelHeight - 1) + 1;
  let made = 0;
  for (let y = first; y < end; y++) {
    const top = y * load<i32>(op, r.STRIDE_Y) - load<i32>(op, r.PAD_TOP);
    const below = min(top + span, load<i32>(op, r.IN_HEIGHT));
    if (maker && made < below) {
      pointwise(maker, max(made, top), below);
      made = below;
    }
    const output = load<usize>(op, r.OUTPUT_AT) + y * outWidth * channels;
    for (let x = 0; x < firstInside; x++) pixel(op, y, x, output + x * channels, taps, outside);
    if (ASC_FEATURE_SIMD) {
      if (firstInside < endInside) inside3(op, y, firstInside, endInside, output, outside);
    }
    for (let x = endInside; x < outWidth; x++) pixel(op, y, x, output + x * channels, taps, outside);
  }
}

/** One pixel, any kernel: lists the addresses of its taps in the scratch. */
function pixel(op: usize, y: i32, x: i32, output: usize, taps: i32, outside: usize): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const inHeight = load<i32>(op, r.IN_HEIGHT);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const input = load<usize>(op, r.INPUT_AT);
  const top = y * load<i32>(op, r.STRIDE_Y) - load<i32>(op, r.PAD_TOP);
  const left = x * load<i32>(op, r.STRIDE_X) - load<i32>(op, r.PAD_LEFT);
  const rows = load<i32>(op, r.IN_ROWS);
  const pointers = load<usize>(op, r.SCRATCH_AT);
  let slot = pointers;
  for (let ky = 0; ky < load<i32>(op, r.KERNEL_HEIGHT); ky++) {
    const row = top + ky * load<i32>(op, r.DILATION_Y);
    const rowInside = row >= 0 && row < inHeight;
    for (let kx = 0; kx < load<i32>(op, r.KERNEL_WIDTH); kx++) {
      const column = left + kx * load<i32>(op, r.DILATION_X);
      const inside = rowInside && column >= 0 && column < inWidth;
      store<u32>(slot, <u32>(inside ? input + ((row % rows) * inWidth + column) * channels : outside));
      slot += 4;
    }
  }
  any(op, pointers, output, channels, taps);
}

/** One pixel with any kernel; `taps` is even, the last one may be padding with a weight of zero. */
function any(op: usize, pointers: usize, output: usize, channels: i32, taps: i32): void {
  const zero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - zero);
  const high = <f32>(load<i32>(op, r.MAX) - zero);
  let weights = load<usize>(op, r.WEIGHTS_AT);
  let bias = load<usize>(op, r.BIAS_AT);
  let multipliers = load<usize>(op, r.MULTIPLIERS_AT);
  const end = pointers + 4 * taps;
  for (let channel = 0; channel < channels; channel += r.BLOCK) {
    const count = min(r.BLOCK, channels - channel);
    if (ASC_FEATURE_SIMD) {
      let sum0 = v128.load(bias);
      let sum1 = v128.load(bias, 16);
      for (let at = pointers; at < end; at += 8) {
        const pair = interleave(<usize>load<u32>(at) + channel, <usize>load<u32>(at, 4) + channel);
        sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(pair), v128.load_ext<i8>(weights)));
        sum1 = i32x4.add(
          sum1,
          i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(pair), v128.load_ext<i8>(weights, 8)),
        );
        weights += 2 * r.BLOCK;
      }
      finish(sum0, sum1, multipliers, output + channel, count, zero, low, high);
    } else {
      for (let lane = 0; lane < count; lane++) {
        let sum = load<i32>(bias + 4 * lane);
        let weight = weights + 2 * lane;
        for (let at = pointers; at < end; at += 8) {
          const place = channel + lane;
          sum += <i32>load<i8>(<usize>load<u32>(at) + place) * <i32>load<i8>(weight);
          sum += <i32>load<i8>(<usize>load<u32>(at, 4) + place) * <i32>load<i8>(weight, 1);
          weight += 2 * r.BLOCK;
        }
        const value = requantize(sum, load<f32>(multipliers + 4 * lane), low, high, zero);
        store<i8>(output + channel + lane, value);
      }
      weights += taps * r.BLOCK;
    }
    bias += 4 * r.BLOCK;
    multipliers += 4 * r.BLOCK;
  }
}

/** Pixels `x`..`end` of row `y` with a 3x3 kernel and all columns inside; rows outside are one repeated pixel. */
function inside3(op: usize, y: i32, x: i32, end: i32, output: usize, outside: usize): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const zero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - zero);
  const high = <f32>(load<i32>(op, r.MAX) - zero);
  const stride = load<i32>(op, r.STRIDE_X);
  const row = y * load<i32>(op, r.STRIDE_Y) - load<i32>(op, r.PAD_TOP);
  const below = row + load<i32>(op, r.DILATION_Y);
  const last = below + load<i32>(op, r.DILATION_Y);
  const upperStep = isRow(op, row) ? channels : 0;
  const middleStep = isRow(op, below) ? channels : 0;
  const lowerStep = isRow(op, last) ? channels : 0;
  const left = x * stride - load<i32>(op, r.PAD_LEFT);
  let upper = upperStep ? rowAt(op, row, left) : outside;
  let middle = middleStep ? rowAt(op, below, left) : outside;
  let lower = lowerStep ? rowAt(op, last, left) : outside;
  output += x * channels;
  for (; x < end; x++) {
    let weights = load<usize>(op, r.WEIGHTS_AT);
    let bias = load<usize>(op, r.BIAS_AT);
    let multipliers = load<usize>(op, r.MULTIPLIERS_AT);
    for (let channel = 0; channel < channels; channel += r.BLOCK) {
      const a = upper + channel;
      const b = middle + channel;
      const c = lower + channel;
      let sum0 = v128.load(bias);
      let sum1 = v128.load(bias, 16);
      let pair = interleave(a, a + upperStep);
      sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(pair), v128.load_ext<i8>(weights)));
      sum1 = i32x4.add(
        sum1,
        i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(pair), v128.load_ext<i8>(weights, 8)),
      );
      pair = interleave(a + 2 * upperStep, b);
      sum0 = i32x4.add(
        sum0,
        i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(pair), v128.load_ext<i8>(weights, 16)),
      );
      sum1 = i32x4.add(
        sum1,
        i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(pair), v128.load_ext<i8>(weights, 24)),
      );
      pair = interleave(b + middleStep, b + 2 * middleStep);
      sum0 = i32x4.add(
        sum0,
        i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(pair), v128.load_ext<i8>(weights, 32)),
      );
      sum1 = i32x4.add(
        sum1,
        i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(pair), v128.load_ext<i8>(weights, 40)),
      );
      pair = interleave(c, c + lowerStep);
      sum0 = i32x4.add(
        sum0,
        i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(pair), v128.load_ext<i8>(weights, 48)),
      );
      sum1 = i32x4.add(
        sum1,
        i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(pair), v128.load_ext<i8>(weights, 56)),
      );
      pair = interleave(c + 2 * lowerStep, c + 2 * lowerStep);
      sum0 = i32x4.add(
        sum0,
        i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(pair), v128.load_ext<i8>(weights, 64)),
      );
      sum1 = i32x4.add(
        sum1,
        i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(pair), v128.load_ext<i8>(weights, 72)),
      );
      finish(sum0, sum1, multipliers, output + channel, min(r.BLOCK, channels - channel), zero, low, high);
      weights += 80;
      bias += 4 * r.BLOCK;
      multipliers += 4 * r.BLOCK;
    }
    upper += stride * upperStep;
    middle += stride * middleStep;
    lower += stride * lowerStep;
    output += channels;
  }
}

/** Whether a row is one of the input's. */
function isRow(op: usize, row: i32): bool {
  return row >= 0 && row < load<i32>(op, r.IN_HEIGHT);
}

/** Address of an input pixel. */
function rowAt(op: usize, row: i32, column: i32): usize {
  const place = (row % load<i32>(op, r.IN_ROWS)) * load<i32>(op, r.IN_WIDTH) + column;
  return load<usize>(op, r.INPUT_AT) + place * load<i32>(op, r.IN_CHANNELS);
}

/** Eight channels of two taps, alternating: int8 [8][2]. */
function interleave(first: usize, second: usize): v128 {
  return v128.shuffle<i8>(
    v128.load64_zero(first),
    v128.load64_zero(second),
    0,
    16,
    1,
    17,
    2,
    18,
    3,
    19,
    4,
    20,
    5,
    21,
    6,
    22,
    7,
    23,
  );
}
