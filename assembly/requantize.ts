/**
 * The one rounding rule, from a sum to an int8:
 *   requantize(value, multiplier) = clamp(round(f32(value) * multiplier) + zero, min, max)
 * round is to nearest, ties to even. The clamp is done before rounding, at min - zero and max - zero, which are
 * integers and so give the same result; it also keeps the SIMD form within its range.
 */

/** Adding this to an f32 of magnitude below 2^22 leaves its rounded value in the low bits (ties to even). */
const ROUNDER: f32 = 12582912.0;
const ROUNDER_BITS = 0x4b400000;

/** `low` and `high` are min - zero and max - zero. The result is within them; zero is yet to be added. */
export function round(value: f32, low: f32, high: f32): i32 {
  return <i32>nearest<f32>(min<f32>(max<f32>(value, low), high));
}

/** The rule for one int32 sum. `low`, `high`: min - zero, max - zero. */
export function requantize(sum: i32, multiplier: f32, low: f32, high: f32, zero: i32): i32 {
  return round(<f32>sum * multiplier, low, high) + zero;
}

/** `round` of four f32: an i32x4. */
export function round4(value: v128, low: v128, high: v128): v128 {
  const bounded = f32x4.pmin(f32x4.pmax(value, low), high);
  return i32x4.sub(f32x4.add(bounded, f32x4.splat(ROUNDER)), i32x4.splat(ROUNDER_BITS));
}

/** `requantize` of four int32 sums, zero yet to be added: an i32x4. */
export function requantize4(sum: v128, multiplier: v128, low: v128, high: v128): v128 {
  return round4(f32x4.mul(f32x4.convert_i32x4_s(sum), multiplier), low, high);
}

/** Eight rounded values plus zero (an i16x8) as int8, in the low eight bytes. */
export function narrow8(first: v128, second: v128, zero: v128): v128 {
  const wide = i16x8.add(i16x8.narrow_i32x4_s(first, second), zero);
  return i8x16.narrow_i16x8_s(wide, wide);
}

/** Stores the low `count` (1 to 8) bytes. */
export function store8(address: usize, values: v128, count: i32): void {
  let bytes = i64x2.extract_lane(values, 0);
  if (count >= 8) {
    store<i64>(address, bytes);
    return;
  }
  for (let i = 0; i < count; i++) {
    store<u8>(address + i, <u8>bytes);
    bytes >>= 8;
  }
}
