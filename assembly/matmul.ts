import { BLOCK } from "../src/record";
import { PLAIN } from "./dot";
import { requantize } from "./requantize";
import { tiles } from "./tiles";

/**
 * Rows of pixels times packed weights, the core of pointwise and dense convolution:
 *   output[p, o] = requantize(bias[o] + sum over k < depth of input[p, k] * weights[o, k], multipliers[o])
 *
 * input        int8 [pixels, depth]    pixels lie inputStep bytes apart
 * weights      int8 [channels / 8][depth / 2][8][2], zero where k or o is padding
 * bias         i32  [channels], multipliers f32 [channels]; both padded to a multiple of 8
 * output       int8 [pixels, channels] pixels lie outputStep bytes apart
 * form         PLAIN, or in relaxed builds, with weights [channels / 8][depth / 4][8][4], one of the others: see dot.ts
 * tame         whether `areTame` holds, in SIMD builds
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
  tame: bool,
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
    if (ASC_FEATURE_SIMD) {
      tiles(
        input,
        inputStep,
        pixels,
        depth,
        1,
        0,
        block,
        bias,
        multipliers,
        output + channel,
        outputStep,
        count,
        zero,
        low,
        most,
        form,
        tame,
      );
    } else {
      for (let p = 0; p < pixels; p++) {
        const to = output + channel + p * outputStep;
        pixel(input + p * inputStep, depth, block, bias, multipliers, to, count, zero, low, most);
      }
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
