/**
 * How products of int8 are summed, the kinds of dot product in src/record.ts; all are exact.
 *
 * The relaxed dot product takes four int8 at a time and needs input of 7 bits (0..127): two products then add up to at
 * most 2 * 127 * 128 < 2^15, so the 16-bit sums of pairs cannot saturate. Operand order matters: weights, which have a
 * sign, come first, input second.
 */
import * as r from "../src/record";

/** The kinds as type parameters, told apart by their sizes: a function that has one is compiled for each kind. */
export type Plain = i8;
export type Relaxed = i16;
export type RelaxedAdd = i32;

/** Input values that a kind takes at once: a group. Two of them are int16, four are int8. */
export function groupOf<F>(): i32 {
  return sizeof<F>() == sizeof<Plain>() ? 2 : 4;
}

/** Adds the products of a group of weights of four output channels with a group of values for each. */
export function dot<F>(sum: v128, weights: v128, values: v128, ones: v128): v128 {
  if (sizeof<F>() == sizeof<RelaxedAdd>()) {
    return i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, values, sum);
  } else if (sizeof<F>() == sizeof<Relaxed>()) {
    return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(weights, values), ones));
  } else {
    return i32x4.add(sum, i32x4.dot_i16x8_s(values, weights));
  }
}

/** The `ones` of Relaxed, read from the record: V8 would make a constant vector anew at each use. */
export function onesOf(op: usize): v128 {
  return i16x8.splat(<i16>load<i32>(op, r.ONE));
}

/** Sums by RelaxedAdd, plus 1000, of weights of -127..127 and of all kinds of second operands. */
function sampleSums(): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(
    i8x16(127, 127, 127, 127, -127, -127, -127, -127, 1, -2, 3, -4, 100, -100, 50, -127),
    i8x16(-1, -1, -1, -1, -128, -128, -128, -128, -56, -106, -1, -128, 1, 2, 3, 4),
    i32x4.splat(1000),
  );
}

/** Whether RelaxedAdd is exact for a second operand of 0..255: so it is by VNNI of x86, not where sums of pairs saturate. */
export function dotsUnsigned(): bool {
  if (ASC_FEATURE_RELAXED_SIMD) {
    const right = i32x4(1000 + 4 * 127 * 255, 1000 - 4 * 127 * 128, 1000 + 153, 1000 - 458);
    return i32x4.all_true(i32x4.eq(sampleSums(), right));
  }
  return false;
}

/**
 * Whether RelaxedAdd is exact for a second operand of -128..127: so it is on ARM, by SDOT and by what compilers put in its
 * place, whose sums of pairs are at most 2 * 127 * 128 < 2^15. So the answer is the same in every tier of a compiler.
 */
export function dotsSigned(): bool {
  if (ASC_FEATURE_RELAXED_SIMD) {
    const right = i32x4(1000 - 4 * 127, 1000 + 4 * 127 * 128, 1000 + 665, 1000 - 458);
    return i32x4.all_true(i32x4.eq(sampleSums(), right));
  }
  return false;
}
