import * as r from "../src/record";
import { groupOf, Plain, RELAXED, RELAXED_ADD, Relaxed, RelaxedAdd } from "./dot";
import { requantize } from "./requantize";
import { Shared, tiles } from "./tiles";

/**
 * Rows of pixels times packed weights, the core of pointwise and dense convolution:
 *   output[p, o] = requantize(bias[o] + sum over k < depth of input[p, k] * weights[o, k], multipliers[o])
 *
 * input        int8 [pixels, depth]    pixels lie inputStep bytes apart
 * weights      int8 [channels / 8][depth / 2][8][2], or [channels / 8][depth / 4][8][4] where the form is not PLAIN;
 *              zero where k or o is padding
 * bias         i32  [channels], multipliers f32 [channels]; both padded to a multiple of 8
 * output       int8 [pixels, channels] pixels lie as far apart as all output channels of `op` take
 * op           of its record the form, the arrays, the output's channels, zero point and range
 * first        where the channels begin in the arrays of `op`
 * tame         whether `areTame` holds, in SIMD builds
 * scratch      int16 [pixels, depth], [8, depth]   input and weights widened: only in SIMD builds, form PLAIN
 *
 * depth is a multiple of 8. Input beyond the real depth is read and multiplied by zero.
 * |sum| < 2^31 while depth <= 2^16, since |input * weight| <= 2^14 and |bias| < 2^30.
 */
export function matmul(
  op: usize,
  input: usize,
  inputStep: i32,
  pixels: i32,
  depth: i32,
  first: i32,
  channels: i32,
  output: usize,
  tame: bool,
  scratch: usize,
): void {
  const form = load<i32>(op, r.FORM);
  if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED_ADD) {
    blocks<RelaxedAdd>(op, input, inputStep, pixels, depth, first, channels, output, tame, 0);
  } else if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED) {
    blocks<Relaxed>(op, input, inputStep, pixels, depth, first, channels, output, tame, 0);
  } else if (ASC_FEATURE_SIMD) {
    widen(input, inputStep, pixels, depth, scratch);
    const wide = scratch + 2 * pixels * depth;
    blocks<Plain>(op, scratch, 2 * depth, pixels, depth, first, channels, output, tame, wide);
  } else {
    for (let channel = 0; channel < channels; channel += r.BLOCK) {
      const block = load<usize>(op, r.WEIGHTS_AT) + (first + channel) * depth;
      const count = min(r.BLOCK, channels - channel);
      for (let p = 0; p < pixels; p++) {
        const to = output + channel + p * load<i32>(op, r.OUT_CHANNELS);
        pixel(op, input + p * inputStep, depth, block, first + channel, count, to);
      }
    }
  }
}

/** `channels` output channels of all pixels, eight at a time. `wide`: where weights are widened, in form PLAIN. */
function blocks<F>(
  op: usize,
  input: usize,
  inputStep: i32,
  pixels: i32,
  depth: i32,
  first: i32,
  channels: i32,
  output: usize,
  tame: bool,
  wide: usize,
): void {
  const isPlain = groupOf<F>() == 2;
  const bytes = isPlain ? 2 * depth : depth;
  let weights = load<usize>(op, r.WEIGHTS_AT) + first * depth;
  for (let channel = 0; channel < channels; channel += r.BLOCK) {
    if (isPlain) widen(weights, 0, 1, r.BLOCK * depth, wide);
    tiles<F, Shared>(
      op,
      input,
      inputStep,
      pixels,
      bytes,
      4,
      1,
      0,
      isPlain ? wide : weights,
      load<usize>(op, r.BIAS_AT) + 4 * (first + channel),
      first + channel,
      output + channel,
      min(r.BLOCK, channels - channel),
      tame,
    );
    weights += r.BLOCK * depth;
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

/** `count` of eight output channels of one pixel, without SIMD; weights of padding channels are there and zero. */
function pixel(
  op: usize,
  input: usize,
  depth: i32,
  weights: usize,
  first: i32,
  count: i32,
  output: usize,
): void {
  const end = input + depth;
  const zero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - zero);
  const high = <f32>(load<i32>(op, r.MAX) - zero);
  let bias = load<usize>(op, r.BIAS_AT) + 4 * first;
  let multipliers = load<usize>(op, r.MULTIPLIERS_AT) + 4 * first;
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
      weight += 2 * r.BLOCK;
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
