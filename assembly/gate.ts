/**
 * Attention condenser gate: a value times a function of the attention under it, which is upsampled by index:
 *   output[y, x, c] = requantize((value[y, x, c] - zero) * table[attention[y / factor, x / factor, c] + 128],
 *                                multiplier)
 *
 * value       int8 [rows, width, channels]
 * attention   int8 [rows / factor, width / factor, channels]
 * table       int16 [256]         its zero point is taken off
 * multiplier  f32                 value scale * table scale / output scale
 * output      int8 [rows, width, channels]   may be the value
 * scratch     i32 [width / factor, channels]     one row of attention, looked up
 *
 * |product| < 2^23, since |value - zero| <= 255 and |table| <= 2^15.
 */
import * as r from "../src/record";
import { narrow8, requantize, requantize4, rounderOf, shiftOf } from "./requantize";

export function gate(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const width = load<i32>(op, r.OUT_WIDTH);
  const factor = load<i32>(op, r.FACTOR);
  const condensed = (width / factor) * channels;
  const row = load<usize>(op, r.SCRATCH_AT);
  const table = load<usize>(op, r.TABLE_AT) + 256;
  let looked = -1;
  for (let y = first; y < end; y++) {
    if (y / factor != looked) {
      looked = y / factor;
      const attention = load<usize>(op, r.SECOND_AT) + looked * condensed;
      for (let at = 0; at < condensed; at++) {
        store<i32>(row + 4 * at, load<i16>(table + 2 * <i32>load<i8>(attention + at)));
      }
    }
    let factors = row;
    for (let x = 0; x < width; x += factor) {
      scale(op, (y * width + x) * channels, factors, channels, factor);
      factors += 4 * channels;
    }
  }
}

/** Pixels from offset `at` of value and output on, each times the same factors. */
function scale(op: usize, at: i32, factors: usize, channels: i32, pixels: i32): void {
  const input = load<usize>(op, r.INPUT_AT);
  const output = load<usize>(op, r.OUTPUT_AT);
  const multiplier = load<f32>(op, r.MULTIPLIER);
  const zero = load<i32>(op, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  let first = 0;
  if (ASC_FEATURE_SIMD && load<i32>(op, r.FAST_ROUNDING)) {
    const multipliers = f32x4.splat(multiplier);
    const least = i8x16.splat(<i8>load<i32>(op, r.MIN));
    const rounder = rounderOf(outZero);
    const shift = shiftOf(outZero);
    const most = i8x16.splat(<i8>load<i32>(op, r.MAX));
    const zeros = i16x8.splat(<i16>zero);
    const whole = channels & -8;
    for (let pixel = 0; pixel < pixels; pixel++) {
      const offset = at + pixel * channels;
      for (let channel = 0; channel < whole; channel += 8) {
        const values = i16x8.sub(v128.load_ext<i8>(input + offset + channel), zeros);
        // pairs of (value, 0) and (gain, its sign): one product each
        const sums0 = i32x4.dot_i16x8_s(i32x4.extend_low_i16x8_u(values), v128.load(factors + 4 * channel));
        const sums1 = i32x4.dot_i16x8_s(
          i32x4.extend_high_i16x8_u(values),
          v128.load(factors + 4 * channel, 16),
        );
        const left = requantize4(sums0, multipliers, rounder, shift);
        const right = requantize4(sums1, multipliers, rounder, shift);
        v128.store64_lane(output + offset + channel, narrow8(left, right, least, most), 0);
      }
    }
    first = whole;
  }
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = first; channel < channels; channel++) {
      const offset = at + pixel * channels + channel;
      const product = (load<i8>(input + offset) - zero) * load<i32>(factors + 4 * channel);
      store<i8>(output + offset, requantize(product, multiplier, low, high, outZero));
    }
  }
}
