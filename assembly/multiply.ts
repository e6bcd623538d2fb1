/**
 * Product of two tensors:
 *   output[y, x, c] = requantize((first[y, x, c] - zero0) * (second[y, x, c] - zero1), multiplier)
 *
 * first       int8 [rows, width, channels]
 * second      int8 [rows, width, channels], or [1, 1, channels] broadcast
 * multiplier  f32                               first scale * second scale / output scale
 * output      int8 [rows, width, channels]      may be the first input
 */
import * as r from "../src/record";
import { narrow8, requantize, requantize4, rounderOf, shiftOf } from "./requantize";

export function multiply(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const row = load<i32>(op, r.OUT_WIDTH) * channels;
  const second = load<usize>(op, r.SECOND_AT);
  if (load<i32>(op, r.BROADCAST) == 0) {
    run(op, first * row, second + first * row, (end - first) * row);
    return;
  }
  for (let at = first * row; at < end * row; at += channels) run(op, at, second, channels);
}

/** `count` elements from offset `at` of the first input and the output. */
function run(op: usize, at: i32, second: usize, count: i32): void {
  const input = load<usize>(op, r.INPUT_AT) + at;
  const output = load<usize>(op, r.OUTPUT_AT) + at;
  const zero0 = load<i32>(op, r.ZERO);
  const zero1 = load<i32>(op, r.SECOND_ZERO);
  const multiplier = load<f32>(op, r.MULTIPLIER);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  let i = 0;
  if (ASC_FEATURE_SIMD && load<i32>(op, r.FAST_ROUNDING)) {
    const multipliers = f32x4.splat(multiplier);
    const least = i8x16.splat(<i8>load<i32>(op, r.MIN));
    const rounder = rounderOf(outZero);
    const shift = shiftOf(outZero);
    const most = i8x16.splat(<i8>load<i32>(op, r.MAX));
    for (; i + 8 <= count; i += 8) {
      const a = i16x8.sub(v128.load_ext<i8>(input + i), i16x8.splat(<i16>zero0));
      const b = i16x8.sub(v128.load_ext<i8>(second + i), i16x8.splat(<i16>zero1));
      const left = requantize4(i32x4.extmul_low_i16x8_s(a, b), multipliers, rounder, shift);
      const right = requantize4(i32x4.extmul_high_i16x8_s(a, b), multipliers, rounder, shift);
      v128.store64_lane(output + i, narrow8(left, right, least, most), 0);
    }
  }
  for (; i < count; i++) {
    const product = (load<i8>(input + i) - zero0) * (load<i8>(second + i) - zero1);
    store<i8>(output + i, requantize(product, multiplier, low, high, outZero));
  }
}
