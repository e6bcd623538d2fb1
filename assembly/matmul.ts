import { BLOCK, DEPTH_STEP } from "../src/record";
import { relaxed1, relaxed4 } from "./relaxed";
import { narrow8, requantize, requantize4, store8 } from "./requantize";

/**
 * Rows of pixels times packed weights, the core of pointwise and dense convolution:
 *   output[p, o] = requantize(bias[o] + sum over k < depth of input[p, k] * weights[o, k], multipliers[o])
 *
 * input        int8 [pixels, depth]    pixels lie inputStep bytes apart
 * weights      int8 [channels / 8][depth / 2][8][2], zero where k or o is padding
 * bias         i32  [channels], multipliers f32 [channels]; both padded to a multiple of 8
 * output       int8 [pixels, channels] pixels lie outputStep bytes apart
 *
 * relaxed      the weights are packed [channels / 8][depth / 4][8][4] and input is 0..127: only in relaxed builds
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
  high: f32,
  relaxed: bool,
): void {
  for (let channel = 0; channel < channels; channel += BLOCK) {
    const count = min(BLOCK, channels - channel);
    let from = input;
    let to = output + channel;
    let left = pixels;
    if (ASC_FEATURE_SIMD) {
      for (; left >= 4; left -= 4) {
        if (ASC_FEATURE_RELAXED_SIMD && relaxed)
          relaxed4(
            from,
            inputStep,
            depth,
            weights,
            bias,
            multipliers,
            to,
            outputStep,
            count,
            zero,
            low,
            high,
          );
        else
          tile4(from, inputStep, depth, weights, bias, multipliers, to, outputStep, count, zero, low, high);
        from += 4 * inputStep;
        to += 4 * outputStep;
      }
    }
    for (; left > 0; left--) {
      if (ASC_FEATURE_RELAXED_SIMD && relaxed)
        relaxed1(from, depth, weights, bias, multipliers, to, count, zero, low, high);
      else if (ASC_FEATURE_SIMD) tile1(from, depth, weights, bias, multipliers, to, count, zero, low, high);
      else pixel(from, depth, weights, bias, multipliers, to, count, zero, low, high);
      from += inputStep;
      to += outputStep;
    }
    weights += BLOCK * depth;
    bias += 4 * BLOCK;
    multipliers += 4 * BLOCK;
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
  high: f32,
): void {
  const end = input + depth;
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

/** Eight output channels of one pixel. */
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
  high: f32,
): void {
  let sum0 = v128.load(bias);
  let sum1 = v128.load(bias, 16);
  const end = input + depth;
  for (; input < end; input += DEPTH_STEP) {
    const values = v128.load_ext<i8>(input);
    const a = v128.shuffle<i32>(values, values, 0, 0, 0, 0);
    const b = v128.shuffle<i32>(values, values, 1, 1, 1, 1);
    const c = v128.shuffle<i32>(values, values, 2, 2, 2, 2);
    const d = v128.shuffle<i32>(values, values, 3, 3, 3, 3);
    sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(a, v128.load_ext<i8>(weights)));
    sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(a, v128.load_ext<i8>(weights, 8)));
    sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(b, v128.load_ext<i8>(weights, 16)));
    sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(b, v128.load_ext<i8>(weights, 24)));
    sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(c, v128.load_ext<i8>(weights, 32)));
    sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(c, v128.load_ext<i8>(weights, 40)));
    sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(d, v128.load_ext<i8>(weights, 48)));
    sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(d, v128.load_ext<i8>(weights, 56)));
    weights += 64;
  }
  finish(sum0, sum1, multipliers, output, count, zero, low, high);
}

/** Eight output channels of four pixels: 8 sums, 4 inputs and 2 weights stay in registers. */
function tile4(
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
    const a = v128.load_ext<i8>(input);
    const b = v128.load_ext<i8>(second);
    const c = v128.load_ext<i8>(third);
    const d = v128.load_ext<i8>(fourth);
    let left = v128.load_ext<i8>(weights);
    let right = v128.load_ext<i8>(weights, 8);
    let pair = v128.shuffle<i32>(a, a, 0, 0, 0, 0);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(pair, left));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(b, b, 0, 0, 0, 0);
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(pair, left));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(c, c, 0, 0, 0, 0);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(pair, left));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(d, d, 0, 0, 0, 0);
    d0 = i32x4.add(d0, i32x4.dot_i16x8_s(pair, left));
    d1 = i32x4.add(d1, i32x4.dot_i16x8_s(pair, right));

    left = v128.load_ext<i8>(weights, 16);
    right = v128.load_ext<i8>(weights, 24);
    pair = v128.shuffle<i32>(a, a, 1, 1, 1, 1);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(pair, left));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(b, b, 1, 1, 1, 1);
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(pair, left));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(c, c, 1, 1, 1, 1);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(pair, left));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(d, d, 1, 1, 1, 1);
    d0 = i32x4.add(d0, i32x4.dot_i16x8_s(pair, left));
    d1 = i32x4.add(d1, i32x4.dot_i16x8_s(pair, right));

    left = v128.load_ext<i8>(weights, 32);
    right = v128.load_ext<i8>(weights, 40);
    pair = v128.shuffle<i32>(a, a, 2, 2, 2, 2);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(pair, left));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(b, b, 2, 2, 2, 2);
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(pair, left));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(c, c, 2, 2, 2, 2);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(pair, left));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(d, d, 2, 2, 2, 2);
    d0 = i32x4.add(d0, i32x4.dot_i16x8_s(pair, left));
    d1 = i32x4.add(d1, i32x4.dot_i16x8_s(pair, right));

    left = v128.load_ext<i8>(weights, 48);
    right = v128.load_ext<i8>(weights, 56);
    pair = v128.shuffle<i32>(a, a, 3, 3, 3, 3);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(pair, left));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(b, b, 3, 3, 3, 3);
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(pair, left));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(c, c, 3, 3, 3, 3);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(pair, left));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(pair, right));
    pair = v128.shuffle<i32>(d, d, 3, 3, 3, 3);
    d0 = i32x4.add(d0, i32x4.dot_i16x8_s(pair, left));
    d1 = i32x4.add(d1, i32x4.dot_i16x8_s(pair, right));

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

/** Requantises and stores `count` of eight sums. */
export function finish(
  sum0: v128,
  sum1: v128,
  multipliers: usize,
  output: usize,
  count: i32,
  zero: i32,
  low: f32,
  high: f32,
): void {
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  const first = requantize4(sum0, v128.load(multipliers), lows, highs);
  const second = requantize4(sum1, v128.load(multipliers, 16), lows, highs);
  store8(output, narrow8(first, second, i16x8.splat(<i16>zero)), count);
}
