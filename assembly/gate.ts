/**
 * Attention condenser gate: a value times a function of the attention under it, which is enlarged by index:
 *   output[y, x, c] = requantize((value[y, x, c] - zero) * table[attention[y / factor, x / factor, c] + 128],
 *                                multiplier)
 *
 * value       int8 [rows, width, channels]
 * attention   int8 [rows / factor, width / factor, channels]
 * table       int16 [256]         its zero point is taken off
 * multiplier  f32                 value scale * table scale / output scale
 * output      int8 [rows, width, channels]   may be the value
 * scratch     int16 [width / factor, channels]   one row of attention, looked up
 *
 * |product| < 2^23, since |value - zero| <= 255 and |table| <= 2^15.
 */
import * as r from "../src/record";
import { narrow8, requantize, requantize4 } from "./requantize";

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
        store<i16>(row + 2 * at, load<i16>(table + 2 * <i32>load<i8>(attention + at)));
      }
    }
    for (let x = 0; x < width; x++) {
      scale(op, (y * width + x) * channels, row + 2 * (x / factor) * channels, channels);
    }
  }
}

/** One pixel, at offset `at` of value and output, times `channels` factors. */
function scale(op: usize, at: i32, factors: usize, channels: i32): void {
  const value = load<usize>(op, r.INPUT_AT) + at;
  const output = load<usize>(op, r.OUTPUT_AT) + at;
  const multiplier = load<f32>(op, r.MULTIPLIER);
  const zero = load<i32>(op, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  let channel = 0;
  if (ASC_FEATURE_SIMD) {
    const multipliers = f32x4.splat(multiplier);
    const lows = f32x4.splat(low);
    const highs = f32x4.splat(high);
    for (; channel + 8 <= channels; channel += 8) {
      const values = i16x8.sub(v128.load_ext<i8>(value + channel), i16x8.splat(<i16>zero));
      const gains = v128.load(factors + 2 * channel);
      const left = requantize4(i32x4.extmul_low_i16x8_s(values, gains), multipliers, lows, highs);
      const right = requantize4(i32x4.extmul_high_i16x8_s(values, gains), multipliers, lows, highs);
      v128.store64_lane(output + channel, narrow8(left, right, i16x8.splat(<i16>outZero)), 0);
    }
  }
  for (; channel < channels; channel++) {
    const product = (load<i8>(value + channel) - zero) * <i32>load<i16>(factors + 2 * channel);
    store<i8>(output + channel, requantize(product, multiplier, low, high, outZero));
  }
}
