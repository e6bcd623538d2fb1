/**
 * The one rounding rule, from a sum to an int8:
 *   requantize(value, multiplier) = clamp(round(f32(value) * multiplier) + zero, min, max)
 * round is to nearest, ties to even. Clamping before rounding, at min - zero and max - zero, gives the same result, since
 * these are integers. The SIMD form clamps last, as bytes: the bits of positive floats are in the order of their values,
 * so what is too large or too small stays so and saturates. That holds below 2^23 in magnitude: results of an operation are
 * safe for it where its record says FAST_ROUNDING (src/rounding.ts).
 */
import { ACTIVATION_ENTRIES } from "../src/format";
import * as r from "../src/record";

/** Adding the f32 of these bits to an f32 of magnitude below 2^22 leaves its rounded value in the low bits (ties to even). */
const ROUNDER_BITS = 0x4b400000; // 12582912

/** `low` and `high` are min - zero and max - zero. The result is within them; zero is yet to be added. */
export function round(value: f32, low: f32, high: f32): i32 {
  return <i32>nearest<f32>(min<f32>(max<f32>(value, low), high));
}

/** The rule for one int32 sum. `low`, `high`: min - zero, max - zero. */
export function requantize(sum: i32, multiplier: f32, low: f32, high: f32, zero: i32): i32 {
  return round(<f32>sum * multiplier, low, high) + zero;
}

/** Stores a result of a convolution: what its table makes of it, itself as int8 or, where logits are wide, as int16. */
export function put(op: usize, output: usize, value: i32): void {
  const table = load<usize>(op, r.TABLE_AT);
  if (table) store<i8>(output, load<i8>(table + ACTIVATION_ENTRIES / 2 + value));
  else if (load<i32>(op, r.VALUE_BYTES) == 2) store<i16>(output, value);
  else store<i8>(output, value);
}

/**
 * Four f32, rounded, plus zero: an i32x4, right for magnitudes below 2^22, and no nearer to 0 than that for larger ones.
 * `rounder` and `shift` are `rounderOf(zero)` and `shiftOf(zero)`.
 */
export function round4(value: v128, rounder: v128, shift: v128): v128 {
  return i32x4.sub(f32x4.add(value, rounder), shift);
}

/** What `round4` adds: computed, since V8 would make a constant vector anew, in three instructions, at each use. */
export function rounderOf(zero: i32): v128 {
  return i32x4.add(shiftOf(zero), i32x4.splat(zero));
}

/** What `round4` takes off the bits of a float. */
export function shiftOf(zero: i32): v128 {
  return i32x4.splat(ROUNDER_BITS - zero);
}

/** `requantize` of four int32 sums, yet to be clamped. */
export function requantize4(sum: v128, multiplier: v128, rounder: v128, shift: v128): v128 {
  return round4(f32x4.mul(f32x4.convert_i32x4_s(sum), multiplier), rounder, shift);
}

/** Eight results of `round4` as int8, clamped to `min` and `max` (i8x16), in the low eight bytes. */
export function narrow8(first: v128, second: v128, min: v128, max: v128): v128 {
  const wide = i16x8.narrow_i32x4_s(first, second);
  return clamp16(i8x16.narrow_i16x8_s(wide, wide), min, max);
}

/** Sixteen int8, clamped. */
export function clamp16(values: v128, min: v128, max: v128): v128 {
  return i8x16.min_s(i8x16.max_s(values, min), max);
}

/** Stores the low `count` (1 to 8) of eight bytes. */
export function store8(address: usize, bytes: i64, count: i32): void {
  if (count >= 8) {
    store<i64>(address, bytes);
    return;
  }
  for (let i = 0; i < count; i++) {
    store<u8>(address + i, <u8>bytes);
    bytes >>= 8;
  }
}

/** Stores the low `count` (1 to 4) of four bytes. */
export function store4(address: usize, bytes: i32, count: i32): void {
  if (count >= 4) {
    store<i32>(address, bytes);
    return;
  }
  if (count & 2) {
    store<i16>(address, <i16>bytes);
    bytes >>= 16;
  }
  if (count & 1) store<i8>(address + (count & 2), <i8>bytes);
}
