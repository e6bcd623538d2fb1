/**
 * The one rounding rule, from a sum to an int8:
 *   requantize(value, multiplier) = clamp(round(f32(value) * multiplier) + zero, min, max)
 * round is to nearest, ties to even. The clamp is done before rounding, at min - zero and max - zero, which are
 * integers and so give the same result. The SIMD form needs only the lower bound there: the bits of positive floats
 * are in the order of their values, so what is too large stays so and saturates.
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

/**
 * Four f32, bounded below by `low` (min - zero), rounded, plus zero: an i32x4, right where it is at most 2^21 and
 * larger than that above. `shift` is `shiftOf(zero)`.
 */
export function round4(value: v128, low: v128, shift: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.pmax(value, low), f32x4.splat(ROUNDER)), shift);
}

/** What `round4` takes off the bits of a float. */
export function shiftOf(zero: i32): v128 {
  return i32x4.splat(ROUNDER_BITS - zero);
}

/** `requantize` of four int32 sums, yet to be bounded above by `narrow8`. */
export function requantize4(sum: v128, multiplier: v128, low: v128, shift: v128): v128 {
  return round4(f32x4.mul(f32x4.convert_i32x4_s(sum), multiplier), low, shift);
}

/** Eight results of `round4` as int8 of at most `max` (an i8x16), in the low eight bytes. */
export function narrow8(first: v128, second: v128, max: v128): v128 {
  const wide = i16x8.narrow_i32x4_s(first, second);
  return i8x16.min_s(i8x16.narrow_i16x8_s(wide, wide), max);
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
