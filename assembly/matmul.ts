import { BLOCK } from "../src/record";
import { dotPairs, relaxed1 } from "./relaxed";
import { narrow8, requantize, requantize4, shiftOf, store8 } from "./requantize";

/** How products are summed. Relaxed: input of 0..127, weights packed [channels / 8][depth / 4][8][4]. */
export const PLAIN = 0;
/** Relaxed dot product to 16-bit pairs, then to 32 bits. */
export const RELAXED = 1;
/** Relaxed dot product with the addition in the instruction. */
export const RELAXED_ADD = 2;

/**
 * Rows of pixels times packed weights, the core of pointwise and dense convolution:
 *   output[p, o] = requantize(bias[o] + sum over k < depth of input[p, k] * weights[o, k], multipliers[o])
 *
 * input        int8 [pixels, depth]    pixels lie inputStep bytes apart
 * weights      int8 [channels / 8][depth / 2][8][2], zero where k or o is padding
 * bias         i32  [channels], multipliers f32 [channels]; both padded to a multiple of 8
 * output       int8 [pixels, channels] pixels lie outputStep bytes apart
 * form         PLAIN, or in relaxed builds one of the others
 * scratch      int16 [pixels, depth], [8, depth]   input and weights widened: only in SIMD builds, form PLAIN
 *
 * depth is a multiple of 8. Input beyond the real depth is read and multiplied by zero.
 * |sum| < 2^31 while depth <= 2^16, since |input * weight| <= 2^14 and |bias| < 2^30.
 */
export function matmul(
  input: usize,
  inputStep: i32,
  pixels: i32,
  depth: i32,
  weights: usize,
  bias: usize,
  multipliers: usize,
  output: usize,
  outputStep: i32,
  channels: i32,
  zero: i32,
  low: f32,
  most: i32,
  form: i32,
  scratch: usize,
): void {
  if (ASC_FEATURE_SIMD && form == PLAIN) {
    widen(input, inputStep, pixels, depth, scratch);
    input = scratch;
    inputStep = 2 * depth;
    scratch += pixels * inputStep;
  }
  for (let channel = 0; channel < channels; channel += BLOCK) {
    const count = min(BLOCK, channels - channel);
    let block = weights;
    if (ASC_FEATURE_SIMD && form == PLAIN) {
      widen(weights, 0, 1, BLOCK * depth, scratch);
      block = scratch;
    }
    let from = input;
    let to = output + channel;
    let left = pixels;
    if (ASC_FEATURE_SIMD) {
      left = pixels & 3;
      tiles(
        from,
        inputStep,
        pixels - left,
        depth,
        block,
        bias,
        multipliers,
        to,
        outputStep,
        count,
        zero,
        low,
        most,
        form,
      );
      from += (pixels - left) * inputStep;
      to += (pixels - left) * outputStep;
    }
    for (; left > 0; left--) {
      if (ASC_FEATURE_RELAXED_SIMD && form != PLAIN)
        relaxed1(from, depth, block, bias, multipliers, to, count, zero, low, most);
      else if (ASC_FEATURE_SIMD) tile1(from, depth, block, bias, multipliers, to, count, zero, low, most);
      else pixel(from, depth, block, bias, multipliers, to, count, zero, low, most);
      from += inputStep;
      to += outputStep;
    }
    weights += BLOCK * depth;
    bias += 4 * BLOCK;
    multipliers += 4 * BLOCK;
  }
}

/** `depth` int8 of each pixel as int16, one pixel after the other; depth is a multiple of 8. */
function widen(input: usize, inputStep: i32, pixels: i32, depth: i32, to: usize): void {
  for (; pixels > 0; pixels--) {
    for (let k = 0; k < depth; k += 8) {
      v128.store(to, v128.load_ext<i8>(input + k));
      to += 16;
    }
    input += inputStep;
  }
}

/** `count` output channels of one pixel, without SIMD; weights of padding channels are there and zero. */
function pixel(
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
  const end = input + depth;
  const high = <f32>(most - zero);
  for (let channel = 0; channel < count; channel += 4) {
    let a = load<i32>(bias);
    let b = load<i32>(bias, 4);
    let c = load<i32>(bias, 8);
    let d = load<i32>(bias, 12);
    let weight = weights + 2 * channel;
    for (let from = input; from < end; from += 2) {
      const even = <i32>load<i8>(from);
      const odd = <i32>load<i8>(from, 1);
      a += even * <i32>load<i8>(weight) + odd * <i32>load<i8>(weight, 1);
      b += even * <i32>load<i8>(weight, 2) + odd * <i32>load<i8>(weight, 3);
      c += even * <i32>load<i8>(weight, 4) + odd * <i32>load<i8>(weight, 5);
      d += even * <i32>load<i8>(weight, 6) + odd * <i32>load<i8>(weight, 7);
      weight += 2 * BLOCK;
    }
    const left = count - channel;
    store<i8>(output, requantize(a, load<f32>(multipliers), low, high, zero));
    if (left > 1) store<i8>(output, requantize(b, load<f32>(multipliers, 4), low, high, zero), 1);
    if (left > 2) store<i8>(output, requantize(c, load<f32>(multipliers, 8), low, high, zero), 2);
    if (left > 3) store<i8>(output, requantize(d, load<f32>(multipliers, 12), low, high, zero), 3);
    bias += 16;
    multipliers += 16;
    output += 4;
  }
}

/** Adds the products of two weights of four output channels with two input values, repeated four times. */
export function dot(sum: v128, values: v128, weights: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(values, weights));
}

/** Eight output channels of one pixel; input and weights are widened. */
function tile1(
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
  let sum0 = v128.load(bias);
  let sum1 = v128.load(bias, 16);
  const end = input + 2 * depth;
  for (; input < end; input += 4) {
    const values = v128.load32_splat(input);
    sum0 = dot(sum0, values, v128.load(weights));
    sum1 = dot(sum1, values, v128.load(weights, 16));
    weights += 32;
  }
  finish(sum0, sum1, multipliers, output, count, zero, low, most);
}

/**
 * `count` of eight output channels of a multiple of four pixels: 8 sums, 2 weights and 1 input stay in registers. In
 * form PLAIN input and weights are widened.
 */
function tiles(
  input: usize,
  inputStep: i32,
  pixels: i32,
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
  form: i32,
): void {
  const ones = i16x8.splat(1);
  const bias0 = v128.load(bias);
  const bias1 = v128.load(bias, 16);
  const multiplier0 = v128.load(multipliers);
  const multiplier1 = v128.load(multipliers, 16);
  const lows = f32x4.splat(low);
  const shift = shiftOf(zero);
  const highs = i8x16.splat(<i8>most);
  const bytes = form == PLAIN ? 2 * depth : depth;
  for (; pixels > 0; pixels -= 4) {
    let a0 = bias0;
    let a1 = bias1;
    let b0 = bias0;
    let b1 = bias1;
    let c0 = bias0;
    let c1 = bias1;
    let d0 = bias0;
    let d1 = bias1;
    let weight = weights;
    let second = input + inputStep;
    let third = second + inputStep;
    let fourth = third + inputStep;
    const end = input + bytes;
    if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED_ADD) {
      for (let at = input; at < end; at += 4) {
        const left = v128.load(weight);
        const right = v128.load(weight, 16);
        let values = v128.load32_splat(at);
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
        weight += 32;
        second += 4;
        third += 4;
        fourth += 4;
      }
    } else if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED) {
      for (let at = input; at < end; at += 4) {
        const left = v128.load(weight);
        const right = v128.load(weight, 16);
        let values = v128.load32_splat(at);
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
        weight += 32;
        second += 4;
        third += 4;
        fourth += 4;
      }
    } else {
      for (let at = input; at < end; at += 4) {
        const left = v128.load(weight);
        const right = v128.load(weight, 16);
        let values = v128.load32_splat(at);
        a0 = dot(a0, values, left);
        a1 = dot(a1, values, right);
        values = v128.load32_splat(second);
        b0 = dot(b0, values, left);
        b1 = dot(b1, values, right);
        values = v128.load32_splat(third);
        c0 = dot(c0, values, left);
        c1 = dot(c1, values, right);
        values = v128.load32_splat(fourth);
        d0 = dot(d0, values, left);
        d1 = dot(d1, values, right);
        weight += 32;
        second += 4;
        third += 4;
        fourth += 4;
      }
    }
    const a = i16x8.narrow_i32x4_s(
      requantize4(a0, multiplier0, lows, shift),
      requantize4(a1, multiplier1, lows, shift),
    );
    const b = i16x8.narrow_i32x4_s(
      requantize4(b0, multiplier0, lows, shift),
      requantize4(b1, multiplier1, lows, shift),
    );
    const c = i16x8.narrow_i32x4_s(
      requantize4(c0, multiplier0, lows, shift),
      requantize4(c1, multiplier1, lows, shift),
    );
    const d = i16x8.narrow_i32x4_s(
      requantize4(d0, multiplier0, lows, shift),
      requantize4(d1, multiplier1, lows, shift),
    );
    const ab = i8x16.min_s(i8x16.narrow_i16x8_s(a, b), highs);
    const cd = i8x16.min_s(i8x16.narrow_i16x8_s(c, d), highs);
    store8(output, i64x2.extract_lane(ab, 0), count);
    store8(output + outputStep, i64x2.extract_lane(ab, 1), count);
    store8(output + 2 * outputStep, i64x2.extract_lane(cd, 0), count);
    store8(output + 3 * outputStep, i64x2.extract_lane(cd, 1), count);
    input += 4 * inputStep;
    output += 4 * outputStep;
  }
}

/** Requantises and stores `count` of eight sums. */
export function finish(
  sum0: v128,
  sum1: v128,
  multipliers: usize,
  output: usize,
  count: i32,
  zero: i32,
  low: f32,
  most: i32,
): void {
  const lows = f32x4.splat(low);
  const shift = shiftOf(zero);
  const first = requantize4(sum0, v128.load(multipliers), lows, shift);
  const second = requantize4(sum1, v128.load(multipliers, 16), lows, shift);
  store8(output, i64x2.extract_lane(narrow8(first, second, i8x16.splat(<i8>most)), 0), count);
}
