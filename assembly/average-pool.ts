/**
 * Mean over a window:
 *   output[y, x, c] = requantize(sum over the taps inside of (input[...] - zero), multiplier / n)
 * with n = taps inside (at least 1), or all taps of the kernel where the mode counts padding.
 *
 * input       int8 [inHeight, inWidth, channels]
 * multiplier  f32                                   input scale / output scale
 * output      int8 [outHeight, outWidth, channels]
 *
 * |sum| < 2^24, since a kernel has at most 255 * 255 taps and |input - zero| <= 255.
 */
import { COUNT_PADDING } from "../src/format";
import * as r from "../src/record";
import { requantize, store4 } from "./requantize";
import { leftOf, pixelAt, topOf } from "./window";

export function averagePool(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const kernelWidth = load<i32>(op, r.KERNEL_WIDTH);
  const dilationY = load<i32>(op, r.DILATION_Y);
  const dilationX = load<i32>(op, r.DILATION_X);
  const zero = load<i32>(op, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  const countsPadding = load<i32>(op, r.MODE) == COUNT_PADDING;
  const rowBytes = load<i32>(op, r.IN_WIDTH) * channels;
  const halves = channels == 3 && kernelWidth == 2 && load<i32>(op, r.STRIDE_X) == 2 && leftOf(op, 0) == 0;
  const step = dilationX * channels;
  const rowStep = dilationY * rowBytes;
  const heldBytes = load<i32>(op, r.IN_ROWS) * rowBytes;
  const behind = load<usize>(op, r.INPUT_AT) + heldBytes;
  let output = load<usize>(op, r.OUTPUT_AT) + first * outWidth * channels;
  for (let y = first; y < end; y++) {
    const top = topOf(op, y);
    const ky = firstInside(top, dilationY);
    const rows = endInside(top, dilationY, kernelHeight, load<i32>(op, r.IN_HEIGHT)) - ky;
    const row = rows > 0 ? pixelAt(op, top + ky * dilationY, 0) : 0;
    let x = 0;
    if (ASC_FEATURE_SIMD && halves && rows == 2 && dilationY == 1 && dilationX == 1) {
      const below = row + rowBytes - (row + rowBytes < behind ? 0 : heldBytes);
      x = min(outWidth, load<i32>(op, r.IN_WIDTH) >> 1) & -4;
      const multiplier = load<f32>(op, r.MULTIPLIER) / 4;
      halveColors(row, below, output, x, -4 * zero, multiplier, low, high, outZero);
      output += 3 * x;
    }
    for (; x < outWidth; x++) {
      const left = leftOf(op, x);
      const kx = firstInside(left, dilationX);
      const columns = endInside(left, dilationX, kernelWidth, load<i32>(op, r.IN_WIDTH)) - kx;
      const inside = max(rows, 0) * max(columns, 0);
      const divisor = <f32>(countsPadding ? kernelHeight * kernelWidth : max(inside, 1));
      const multiplier = load<f32>(op, r.MULTIPLIER) / divisor;
      const pixel = row + (left + kx * dilationX) * channels;
      if (ASC_FEATURE_SIMD) {
        for (let channel = 0; channel < channels; channel += 4) {
          let sum = i32x4.splat(-zero * inside);
          let start = pixel + channel;
          for (let i = 0; i < rows; i++, start += rowStep) {
            if (start >= behind) start -= heldBytes;
            let tap = start;
            for (let j = 0; j < columns; j++, tap += step) sum = i32x4.add(sum, load4(tap, behind));
          }
          const result = mean4(sum, multiplier, low, high, outZero);
          const narrow = i16x8.narrow_i32x4_s(result, result);
          const bytes = i32x4.extract_lane(i8x16.narrow_i16x8_s(narrow, narrow), 0);
          store4(output + channel, bytes, channels - channel);
        }
      } else {
        for (let channel = 0; channel < channels; channel++) {
          let sum = -zero * inside;
          let start = pixel + channel;
          for (let i = 0; i < rows; i++, start += rowStep) {
            if (start >= behind) start -= heldBytes;
            let tap = start;
            for (let j = 0; j < columns; j++, tap += step) sum += load<i8>(tap);
          }
          store<i8>(output + channel, requantize(sum, multiplier, low, high, outZero));
        }
      }
      output += channels;
    }
  }
}

/** The first tap of a window at `start`, its taps so far apart, that is not before the input. */
function firstInside(start: i32, dilation: i32): i32 {
  return start < 0 ? (dilation - 1 - start) / dilation : 0;
}

/** One past the last of its `taps` taps that is not behind an input of `size` rows or columns. */
function endInside(start: i32, dilation: i32, taps: i32, size: i32): i32 {
  if (start + (taps - 1) * dilation < size) return taps; // most windows, and a division is slow
  return (size - start + dilation - 1) / dilation;
}

/** `requantize` of four int32 sums, as int32. */
function mean4(sum: v128, multiplier: f32, low: f32, high: f32, zero: i32): v128 {
  const mean = f32x4.mul(f32x4.convert_i32x4_s(sum), f32x4.splat(multiplier));
  const inside = f32x4.min(f32x4.max(mean, f32x4.splat(low)), f32x4.splat(high));
  return i32x4.add(i32x4.trunc_sat_f32x4_s(f32x4.nearest(inside)), i32x4.splat(zero));
}

/**
 * Means of 2x2 pixels of three channels, from two rows: `count` pixels, a multiple of 4.
 *
 * shift  what a sum of four values is off by
 */
function halveColors(
  above: usize,
  below: usize,
  output: usize,
  count: i32,
  shift: i32,
  multiplier: f32,
  low: f32,
  high: f32,
  zero: i32,
): void {
  const end = output + 3 * count;
  for (; output < end; output += 12) {
    // eight pixels of three values: 24 sums of two rows
    const a = i16x8.add(v128.load_ext<i8>(above), v128.load_ext<i8>(below));
    const b = i16x8.add(v128.load_ext<i8>(above, 8), v128.load_ext<i8>(below, 8));
    const c = i16x8.add(v128.load_ext<i8>(above, 16), v128.load_ext<i8>(below, 16));
    // each with the one three further, which belongs to the next pixel
    const ab = i16x8.add(a, v128.shuffle<i16>(a, b, 3, 4, 5, 6, 7, 8, 9, 10));
    const bc = i16x8.add(b, v128.shuffle<i16>(b, c, 3, 4, 5, 6, 7, 8, 9, 10));
    const cc = i16x8.add(c, v128.shuffle<i16>(c, c, 3, 4, 5, 6, 7, 7, 7, 7));
    // those of every second pixel
    const first = v128.shuffle<i16>(ab, bc, 0, 1, 2, 6, 7, 8, 12, 13);
    const last = v128.shuffle<i16>(bc, cc, 6, 10, 11, 12, 7, 7, 7, 7);
    const shifts = i32x4.splat(shift);
    const sums = i32x4.add(i32x4.extend_low_i16x8_s(first), shifts);
    const more = i32x4.add(i32x4.extend_high_i16x8_s(first), shifts);
    const rest = i32x4.add(i32x4.extend_low_i16x8_s(last), shifts);
    const eight = i16x8.narrow_i32x4_s(
      mean4(sums, multiplier, low, high, zero),
      mean4(more, multiplier, low, high, zero),
    );
    const four = mean4(rest, multiplier, low, high, zero);
    const bytes = i8x16.narrow_i16x8_s(eight, i16x8.narrow_i32x4_s(four, four));
    v128.store64_lane(output, bytes, 0);
    v128.store32_lane(output, bytes, 2, 8);
    above += 24;
    below += 24;
  }
}

/** Four int8 as an i32x4; none of them is read from `end` on. */
function load4(address: usize, end: usize): v128 {
  let bytes = i64x2.splat(0);
  if (address + 4 <= end) bytes = v128.load32_zero(address);
  else {
    bytes = v128.load8_lane(address, bytes, 0);
    if (address + 1 < end) bytes = v128.load8_lane(address + 1, bytes, 1);
    if (address + 2 < end) bytes = v128.load8_lane(address + 2, bytes, 2);
  }
  return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(bytes));
}
