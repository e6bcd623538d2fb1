/**
 * Sum of two tensors:
 *   output[y, x, c] = clamp(round((constant + f32(second[y, x, c]) * multiplier1) + f32(first[y, x, c]) * multiplier0))
 *   constant        = f32(outZero) - (multiplier0 * f32(zero0) + multiplier1 * f32(zero1))
 *
 * first       int8 [rows, width, channels]
 * second      int8 [rows, width, channels], or [1, 1, channels] broadcast
 * multiplier  f32, one each                     its scale / output scale
 * output      int8 [rows, width, channels]      may be the first input
 */
import * as r from "../src/record";
import { narrow8, round, round4, rounderOf } from "./requantize";

export function add(op: usize, first: i32, end: i32): void {
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
  const multiplier0 = load<f32>(op, r.MULTIPLIER);
  const multiplier1 = load<f32>(op, r.SECOND_MULTIPLIER);
  const constant = load<f32>(op, r.CONSTANT);
  const low = <f32>load<i32>(op, r.MIN);
  const high = <f32>load<i32>(op, r.MAX);
  let i = 0;
  if (ASC_FEATURE_SIMD && load<i32>(op, r.FAST_ROUNDING)) {
    const rounder = rounderOf(load<i32>(op, r.OUT_ZERO));
    const least = i8x16.splat(<i8>load<i32>(op, r.MIN));
    const most = i8x16.splat(<i8>load<i32>(op, r.MAX));
    const constants = f32x4.splat(constant);
    const multipliers0 = f32x4.splat(multiplier0);
    const multipliers1 = f32x4.splat(multiplier1);
    for (; i + 8 <= count; i += 8) {
      const a = v128.load_ext<i8>(input + i);
      const b = v128.load_ext<i8>(second + i);
      let left = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(b)), multipliers1);
      let right = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(b)), multipliers1);
      left = f32x4.add(
        f32x4.add(constants, left),
        f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(a)), multipliers0),
      );
      right = f32x4.add(
        f32x4.add(constants, right),
        f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(a)), multipliers0),
      );
      const sums = narrow8(round4(left, rounder, rounder), round4(right, rounder, rounder), least, most);
      v128.store64_lane(output + i, sums, 0);
    }
  }
  for (; i < count; i++) {
    const b = <f32>load<i8>(second + i) * multiplier1;
    const a = <f32>load<i8>(input + i) * multiplier0;
    store<i8>(output + i, round(constant + b + a, low, high));
  }
}
