/**
 * The tiles of matmul for input of 7 bits (0..127), by the relaxed dot product of four int8 at a time. It is exact:
 * two products add up to at most 2 * 127 * 128 < 2^15, so the 16-bit sums of pairs cannot saturate.
 * Operand order matters: weights, which have a sign, come first, input second.
 */
import { DEPTH_STEP } from "../src/record";
import { finish } from "./matmul";

/** Adds the products of four weights of four output channels with four input values, repeated four times. */
function dot(sum: v128, weights: v128, values: v128, ones: v128): v128 {
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
  high: f32,
): void {
  const ones = i16x8.splat(1);
  let sum0 = v128.load(bias);
  let sum1 = v128.load(bias, 16);
  const end = input + depth;
  for (; input < end; input += 4) {
    const values = v128.load32_splat(input);
    sum0 = dot(sum0, v128.load(weights), values, ones);
    sum1 = dot(sum1, v128.load(weights, 16), values, ones);
    weights += 32;
  }
  finish(sum0, sum1, multipliers, output, count, zero, low, high);
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
  high: f32,
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
    a0 = dot(a0, left, values, ones);
    a1 = dot(a1, right, values, ones);
    values = v128.load32_splat(second);
    b0 = dot(b0, left, values, ones);
    b1 = dot(b1, right, values, ones);
    values = v128.load32_splat(third);
    c0 = dot(c0, left, values, ones);
    c1 = dot(c1, right, values, ones);
    values = v128.load32_splat(fourth);
    d0 = dot(d0, left, values, ones);
    d1 = dot(d1, right, values, ones);

    left = v128.load(weights, 32);
    right = v128.load(weights, 48);
    values = v128.load32_splat(input, 4);
    a0 = dot(a0, left, values, ones);
    a1 = dot(a1, right, values, ones);
    values = v128.load32_splat(second, 4);
    b0 = dot(b0, left, values, ones);
    b1 = dot(b1, right, values, ones);
    values = v128.load32_splat(third, 4);
    c0 = dot(c0, left, values, ones);
    c1 = dot(c1, right, values, ones);
    values = v128.load32_splat(fourth, 4);
    d0 = dot(d0, left, values, ones);
    d1 = dot(d1, right, values, ones);

    weights += 64;
    second += DEPTH_STEP;
    third += DEPTH_STEP;
    fourth += DEPTH_STEP;
  }
  finish(a0, a1, multipliers, output, count, zero, low, high);
  finish(b0, b1, multipliers, output + outputStep, count, zero, low, high);
  finish(c0, c1, multipliers, output + 2 * outputStep, count, zero, low, high);
  finish(d0, d1, multipliers, output + 3 * outputStep, count, zero, low, high);
}
