/**
 * PReLU, with a slope below zero for each channel:
 *   v = input[y, x, c] - zero
 *   output[y, x, c] = requantize(v, v < 0 ? multipliers[c] : multiplier)
 *
 * input        int8 [rows, width, channels]
 * multiplier   f32                            input scale / output scale
 * multipliers  f32 [channels]                 input scale * slope / output scale: the table
 * output       int8 [rows, width, channels]   may be the input
 */
import * as r from "../src/record";
import { narrow8, requantize, round4, rounderOf, shiftOf } from "./requantize";

export function prelu(op: usize, first: i32, end: i32): void {
  const width = load<i32>(op, r.OUT_WIDTH);
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const multipliers = load<usize>(op, r.TABLE_AT);
  const multiplier = load<f32>(op, r.MULTIPLIER);
  const zero = load<i32>(op, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  const vectors = ASC_FEATURE_SIMD && load<i32>(op, r.FAST_ROUNDING) ? channels & -4 : 0;
  let input = load<usize>(op, r.INPUT_AT) + first * width * channels;
  let output = load<usize>(op, r.OUTPUT_AT) + first * width * channels;
  for (let pixel = first * width; pixel < end * width; pixel++) {
    let channel = 0;
    if (ASC_FEATURE_SIMD) {
      const least = i8x16.splat(<i8>load<i32>(op, r.MIN));
      const most = i8x16.splat(<i8>load<i32>(op, r.MAX));
      const rounder = rounderOf(outZero);
      const shift = shiftOf(outZero);
      const zeros = i32x4.splat(zero);
      const above = f32x4.splat(multiplier);
      for (; channel < vectors; channel += 4) {
        const v = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(input + channel)));
        const value = f32x4.convert_i32x4_s(i32x4.sub(v, zeros));
        const slope = slopeOf(value, v128.load(multipliers + 4 * channel), above);
        const result = round4(f32x4.mul(value, slope), rounder, shift);
        v128.store32_lane(output + channel, narrow8(result, result, least, most), 0);
      }
    }
    for (; channel < channels; channel++) {
      const v = load<i8>(input + channel) - zero;
      const slope = v < 0 ? load<f32>(multipliers + 4 * channel) : multiplier;
      store<i8>(output + channel, requantize(v, slope, low, high, outZero));
    }
    input += channels;
    output += channels;
  }
}

/** `below` where a value is negative, else `above`. */
function slopeOf(value: v128, below: v128, above: v128): v128 {
  return v128.bitselect(below, above, i32x4.shr_s(value, 31));
}
