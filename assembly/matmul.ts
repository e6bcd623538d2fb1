import * as r from "../src/record";
import { groupOf } from "./dot";
import { pixel } from "./scalar";
import { Joined, tiles } from "./tiles";

/**
 * Rows of pixels times packed weights, the core of pointwise and im2col convolution:
 *   output[p, o] = requantize(bias[o] + sum over k < depth of input[p, k] * weights[o, k], multipliers[o])
 *
 * op        of its record the depth, the walk of the tiles, the output's channels, zero point and range
 * input     int8 [pixels, depth]     pixels lie inputStep bytes apart
 * blocks    bias, multipliers and weights of the channels, eight at a time: see src/pack.ts
 * output    int8, or int16 of wide logits, [pixels, channels]; pixels lie as far apart as all output channels of `op` take
 * scratch   in SIMD builds, as Plain: int16 [pixels, depth], [8, depth], input and weights widened; relaxed, where OFFSET
 *           is not 0: uint8 [pixels, depth], input made unsigned by adding it, which the bias takes off again
 *
 * depth is a multiple of 8. Input beyond the real depth is read and multiplied by zero.
 * |sum| < 2^31 while depth <= 2^16, since |input * weight| <= 2^14 and |bias| < 2^30.
 */
export function matmul<F>(
  op: usize,
  input: usize,
  inputStep: i32,
  pixels: i32,
  blocks: usize,
  channels: i32,
  output: usize,
  scratch: usize,
): void {
  const depth = load<i32>(op, r.DEPTH);
  const blockBytes = load<i32>(op, r.BLOCK_BYTES);
  const valueBytes = load<i32>(op, r.VALUE_BYTES);
  const isWidened = ASC_FEATURE_SIMD && groupOf<F>() == 2;
  const wide = scratch + 2 * pixels * depth;
  if (isWidened) {
    widen(input, inputStep, pixels, depth, scratch);
    input = scratch;
  } else if (ASC_FEATURE_RELAXED_SIMD && load<i32>(op, r.OFFSET)) {
    addOffset(op, input, inputStep, pixels, scratch);
    input = scratch;
  }
  for (let channel = 0; channel < channels; channel += r.BLOCK) {
    const count = min(r.BLOCK, channels - channel);
    const to = output + channel * valueBytes;
    if (ASC_FEATURE_SIMD) {
      const weights = blocks + r.BLOCK_HEAD;
      if (isWidened) widen(weights, 0, 1, r.BLOCK * depth, wide);
      tiles<F, Joined>(op, input, pixels, blocks, isWidened ? wide : weights, to, count);
    } else {
      for (let p = 0; p < pixels; p++) {
        pixel<i8>(
          op,
          input + p * inputStep,
          1,
          depth,
          0,
          blocks,
          to + p * load<i32>(op, r.OUT_CHANNELS) * valueBytes,
          count,
        );
      }
    }
    blocks += blockBytes;
  }
}

/** OFFSET added to `depth` values of each pixel, one pixel after the other; depth is a multiple of 8. */
function addOffset(op: usize, input: usize, inputStep: i32, pixels: i32, to: usize): void {
  const offsets = i8x16.splat(<i8>load<i32>(op, r.OFFSET));
  const depth = load<i32>(op, r.DEPTH);
  for (; pixels > 0; pixels--) {
    for (let k = 0; k < depth; k += 16) v128.store(to + k, v128.xor(v128.load(input + k), offsets));
    input += inputStep;
    to += depth;
  }
}

/** `depth` int8 of each pixel as int16, one pixel after the other; depth is a multiple of 8. */
export function widen(input: usize, inputStep: i32, pixels: i32, depth: i32, to: usize): void {
  for (; pixels > 0; pixels--) {
    for (let k = 0; k < depth; k += 8) {
      v128.store(to, v128.load_ext<i8>(input + k));
      to += 16;
    }
    input += inputStep;
  }
}
