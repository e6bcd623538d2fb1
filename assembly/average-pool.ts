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
import { clamp16, requantize } from "./requantize";
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
  const halves = channels == 3 && kernelHeight == 2 && kernelWidth == 2 && load<i32>(op, r.STRIDE_X) == 2;
  const step = dilationX * channels;
  const rowStep = dilationY * rowBytes;
  const heldBytes = load<i32>(op, r.IN_ROWS) * rowBytes;
  const behind = load<usize>(op, r.INPUT_AT) + heldBytes;
  let output = load<usize>(op, r.OUTPUT_AT) + first * outWidth * channels;
  for (let y = first; y < end; y++) {
    const top = topOf(op, y);
    const ky = firstInside(top, dilationY);
    const rows = max(0, endInside(top, dilationY, kernelHeight, load<i32>(op, r.IN_HEIGHT)) - ky);
    const row = rows ? pixelAt(op, top + ky * dilationY, 0) : 0;
    let x = 0;
    if (ASC_FEATURE_SIMD && halves && rows == 2 && !load<i32>(op, r.PAD_LEFT) && dilationX == 1) {
      const below = row + rowStep - (row + rowStep < behind ? 0 : heldBytes);
      x = (load<i32>(op, r.IN_WIDTH) >> 1) & -4;
      const multiplier = load<f32>(op, r.MULTIPLIER) / 4;
      halveColors(op, row, below, output, x, multiplier);
      output += 3 * x;
    }
    for (; x < outWidth; x++) {
      const left = leftOf(op, x);
      const kx = firstInside(left, dilationX);
      const columns = max(0, endInside(left, dilationX, kernelWidth, load<i32>(op, r.IN_WIDTH)) - kx);
      const inside = rows * columns;
      const divisor = <f32>(countsPadding ? kernelHeight * kernelWidth : max(inside, 1));
      const multiplier = load<f32>(op, r.MULTIPLIER) / divisor;
      const pixel = row + (left + kx * dilationX) * channels;
      let channel = 0;
      if (ASC_FEATURE_SIMD && channels >= 4) {
        for (; channel < channels; channel += 4) {
          const at = min(channel, channels - 4);
          let sum = i32x4.splat(-zero * inside);
          let start = pixel + at;
          for (let i = 0; i < rows; i++, start += rowStep) {
            if (start >= behind) start -= heldBytes;
            let tap = start;
            for (let j = 0; j < columns; j++, tap += step) {
              const values = i16x8.extend_low_i8x16_s(v128.load32_zero(tap));
              sum = i32x4.add(sum, i32x4.extend_low_i16x8_s(values));
            }
          }
          const mean = mean4(sum, f32x4.splat(multiplier));
          const narrow = i16x8.narrow_i32x4_s(mean, mean);
          v128.store32_lane(output + at, quantize(op, narrow, narrow), 0);
        }
      }
      for (; channel < channels; channel++) {
        let sum = -zero * inside;
        let start = pixel + channel;
        for (let i = 0; i < rows; i++, start += rowStep) {
          if (start >= behind) start -= heldBytes;
          let tap = start;
          for (let j = 0; j < columns; j++, tap += step) sum += load<i8>(tap);
        }
        store<i8>(output + channel, requantize(sum, multiplier, low, high, outZero));
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

/** The means that belong to four int32 sums, rounded to int32. */
function mean4(sum: v128, multiplier: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(f32x4.convert_i32x4_s(sum), multiplier)));
}

/** Rounded means, saturated to int16 eight at a time, as int8: plus the zero point, clamped as the record says. */
function quantize(op: usize, first: v128, second: v128): v128 {
  const zero = i16x8.splat(<i16>load<i32>(op, r.OUT_ZERO));
  const values = i8x16.narrow_i16x8_s(i16x8.add_sat_s(first, zero), i16x8.add_sat_s(second, zero));
  return clamp16(values, v128.load8_splat(op, r.MIN), v128.load8_splat(op, r.MAX));
}

/** Means of 2x2 pixels of three channels, from two rows: `count` pixels, a multiple of 4. */
function halveColors(
  op: usize,
  above: usize,
  below: usize,
  output: usize,
  count: i32,
  multiplier: f32,
): void {
  const shift = i16x8.splat(<i16>(-4 * load<i32>(op, r.ZERO)));
  const factor = f32x4.splat(multiplier);
  const end = output + 3 * count;
  for (; output < end; output += 12) {
    const first = i16x8.add(i16x8.add(firstPairs(above), firstPairs(below)), shift);
    const last = i16x8.add(i16x8.add(lastPairs(above), lastPairs(below)), shift);
    const low = mean4(i32x4.extend_low_i16x8_s(first), factor);
    const eight = i16x8.narrow_i32x4_s(low, mean4(i32x4.extend_high_i16x8_s(first), factor));
    const rest = mean4(i32x4.extend_low_i16x8_s(last), factor);
    const bytes = quantize(op, eight, i16x8.narrow_i32x4_s(rest, rest));
    v128.store64_lane(output, bytes, 0);
    v128.store32_lane(output, bytes, 2, 8);
    above += 24;
    below += 24;
  }
}

/** Of eight pixels of three int8 the sums of each two: the first eight of twelve, int16. */
function firstPairs(row: usize): v128 {
  // biome-ignore format: a pair a column
  const pairs = i8x16.shuffle(v128.load(row), v128.load(row, 8),
    0, 3,  1, 4,  2, 5,  6, 9,  7, 10,  8, 11,  12, 15,  13, 24);
  return i16x8.extadd_pairwise_i8x16_s(pairs);
}

/** The last four of the twelve. */
function lastPairs(row: usize): v128 {
  const last = v128.load(row, 8);
  // biome-ignore format: a pair a column
  const pairs = i8x16.shuffle(last, last,
    6, 9,  10, 13,  11, 14,  12, 15,  0, 0,  0, 0,  0, 0,  0, 0);
  return i16x8.extadd_pairwise_i8x16_s(pairs);
}
