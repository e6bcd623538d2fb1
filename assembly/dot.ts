/**
 * How products of int8 are summed; all forms are exact.
 *
 * The relaxed dot product takes four int8 at a time and needs input of 7 bits (0..127): two products then add up to at
 * most 2 * 127 * 128 < 2^15, so the 16-bit sums of pairs cannot saturate. Operand order matters: weights, which have a
 * sign, come first, input second.
 */

/** Pairs of int16. */
export const PLAIN = 0;
/** Relaxed dot product to 16-bit pairs, then to 32 bits. */
export const RELAXED = 1;
/** Relaxed dot product with the addition in the instruction: one step where the processor has it, slower where not. */
export const RELAXED_ADD = 2;

/** PLAIN: adds the products of two weights of four output channels with two input values, repeated four times. */
export function dot(sum: v128, values: v128, weights: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(values, weights));
}

/** RELAXED: adds the products of four weights of four output channels with four input values, repeated four times. */
export function dotPairs(sum: v128, weights: v128, values: v128, ones: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(weights, values), ones));
}

/**
 * Whether RELAXED_ADD is exact for a second operand of 0..255: so it is by VNNI of x86, not by SDOT of ARM, nor where
 * sums of pairs saturate.
 */
export function dotsUnsigned(): bool {
  if (ASC_FEATURE_RELAXED_SIMD) {
    const sums = i32x4.relaxed_dot_i8x16_i7x16_add_s(
      i8x16(127, 127, 127, 127, -128, -128, -128, -128, 1, -2, 3, -4, 100, -100, 50, -127),
      i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -56, -106, -1, -128, 1, 2, 3, 4),
      i32x4.splat(1000),
    );
    return i32x4.all_true(i32x4.eq(sums, i32x4(1000 + 4 * 127 * 255, 1000 - 4 * 128 * 255, 1153, 542)));
  }
  return false;
}

/** The `ones` of a relaxed form, 1 or 2: computed, since V8 would make a constant vector anew at each use. */
export function onesOf(form: i32): v128 {
  return i16x8.splat(<i16>((form + 1) >> 1));
}
