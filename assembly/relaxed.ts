/**
 * The tiles of matmul for input of 7 bits (0..127), by the relaxed dot product of four int8 at a time. It is exact:
 * two products add up to at most 2 * 127 * 128 < 2^15, so the 16-bit sums of pairs cannot saturate.
 * Operand order matters: weights, which have a sign, come first, input second.
 */
import { DEPTH_STEP } from "../src/record";
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

/** Eight output channels of four pixels. */
export function relaxed4(
  input: usize,
  inputStep: i32,
  depth: i32,
  weights: usize,
  bias: usize,
  multipliers: usize,
  output: usize,
  outputStep: i32,
  count: i32,
  zero: i32,
  low: f32,
  most: i32,
): void {
  const ones = i16x8.splat(1);
  let a0 = v128.load(bias);
  let a1 = v128.load(bias, 16);
  let b0 = a0;
  let b1 = a1;
  let c0 = a0;
  let c1 = a1;
  let d0 = a0;
  let d1 = a1;
  let second = input + inputStep;
  let third = second + inputStep;
  let fourth = third + inputStep;
  const end = input + depth;
  for (; input < end; input += DEPTH_STEP) {
    let left = v128.load(weights);
    let right = v128.load(weights, 16);
    let values = v128.load32_splat(input);
    a0 = dotPairs(a0, left, values, ones);
    a1 = dotPairs(a1, right, values, ones);
    values = v128.load32_splat(second);
    b0 = dotPairs(b0, left, values, ones);
    b1 = dotPairs(b1, right, values, ones);
    values = v128.load32_splat(third);
    c0 = dotPairs(c0, left, values, ones);
    c1 = dotPairs(c1, right, values, ones);
    values = v128.load32_splat(fourth);
    d0 = dotPairs(d0, left, values, ones);
    d1 = dotPairs(d1, right, values, ones);

    left = v128.load(weights, 32);
    right = v128.load(weights, 48);
    values = v128.load32_splat(input, 4);
    a0 = dotPairs(a0, left, values, ones);
    a1 = dotPairs(a1, right, values, ones);
    values = v128.load32_splat(second, 4);
    b0 = dotPairs(b0, left, values, ones);
    b1 = dotPairs(b1, right, values, ones);
    values = v128.load32_splat(third, 4);
    c0 = dotPairs(c0, left, values, ones);
    c1 = dotPairs(c1, right, values, ones);
    values = v128.load32_splat(fourth, 4);
    d0 = dotPairs(d0, left, values, ones);
    d1 = dotPairs(d1, right, values, ones);

    weights += 64;
    second += DEPTH_STEP;
    third += DEPTH_STEP;
    fourth += DEPTH_STEP;
  }
  finish(a0, a1, multipliers, output, count, zero, low, most);
  finish(b0, b1, multipliers, output + outputStep, count, zero, low, most);
  finish(c0, c1, multipliers, output + 2 * outputStep, count, zero, low, most);
  finish(d0, d1, multipliers, output + 3 * outputStep, count, zero, low, most);
}

/** `relaxed4` with the addition in the instruction: one step where the processor has it, slower where not. */
export function relaxedAdd4(
  input: usize,
  inputStep: i32,
  depth: i32,
  weights: usize,
  bias: usize,
  multipliers: usize,
  output: usize,
  outputStep: i32,
  count: i32,
  zero: i32,
  low: f32,
  most: i32,
): void {
  let a0 = v128.load(bias);
  let a1 = v128.load(bias, 16);
  let b0 = a0;
  let b1 = a1;
  let c0 = a0;
  let c1 = a1;
  let d0 = a0;
  let d1 = a1;
  let second = input + inputStep;
  let third = second + inputStep;
  let fourth = third + inputStep;
  const end = input + depth;
  for (; input < end; input += 4) {
    const left = v128.load(weights);
    const right = v128.load(weights, 16);
    let values = v128.load32_splat(input);
    a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, values, a0);
    a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, values, a1);
    values = v128.load32_splat(second);
    b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, values, b0);
    b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, values, b1);
    values = v128.load32_splat(third);
    c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, values, c0);
    c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, values, c1);
    values = v128.load32_splat(fourth);
    d0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, values, d0);
    d1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, values, d1);
    weights += 32;
    second += 4;
    third += 4;
    fourth += 4;
  }
  finish(a0, a1, multipliers, output, count, zero, low, most);
  finish(b0, b1, multipliers, output + outputStep, count, zero, low, most);
  finish(c0, c1, multipliers, output + 2 * outputStep, count, zero, low, most);
  finish(d0, d1, multipliers, output + 3 * outputStep, count, zero, low, most);
}
