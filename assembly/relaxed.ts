/**
 * The tiles of matmul for input of 7 bits (0..127), by the relaxed dot product of four int8 at a time. It is exact:
 * two products add up to at most 2 * 127 * 128 < 2^15, so the 16-bit sums of pairs cannot saturate.
 * Operand order matters: weights, which have a sign, come first, input second.
 */
import { finish } from "./matmul";

/** Adds the products of four weights of four output channels with four input values, repeated four times. */
export function dotPairs(sum: v128, weights: v128, values: v128, ones: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(weights, values), ones));
}

/** Eight output channels of one pixel. */
export function relaxed1(
  input: usize,
  depth: i32,
  weights: usize,
  bias: usize,
  multipliers: usize,
  output: usize,
  count: i32,
  zero: i32,
  low: f32,
  most: i32,
): void {
  const ones = i16x8.splat(1);
  let sum0 = v128.load(bias);
  let sum1 = v128.load(bias, 16);
  const end = input + depth;
  for (; input < end; input += 4) {
    const values = v128.load32_splat(input);
    sum0 = dotPairs(sum0, v128.load(weights), values, ones);
    sum1 = dotPairs(sum1, v128.load(weights, 16), values, ones);
    weights += 32;
  }
  finish(sum0, sum1, multipliers, output, count, zero, low, most);
}
