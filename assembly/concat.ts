/**
 * Channels of up to four inputs one after the other:
 *   output[y, x, offset_k + c] = requantize(input_k[y, x, c] - zero_k, multiplier_k)
 *
 * input_k       int8 [rows, width, channels_k]
 * multiplier_k  f32                                      input scale / output scale
 * output        int8 [rows, width, sum of channels_k]
 */
import * as r from "../src/record";
import { narrow8, requantize, round4, rounderOf, shiftOf } from "./requantize";

export function concat(op: usize, first: i32, end: i32): void {
  const width = load<i32>(op, r.OUT_WIDTH);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const copied = load<i32>(op, r.COPIED);
  const output = load<usize>(op, r.OUTPUT_AT) + first * width * outChannels;
  let offset = 0;
  for (let slot = 0; offset < outChannels; slot++) {
    const word = 4 * slot;
    const channels = load<i32>(op + word, r.CHANNELS);
    const input = load<usize>(op + word, r.INPUT_AT) + first * width * channels;
    const pixels = (end - first) * width;
    if ((copied >> slot) & 1) copy(input, output + offset, pixels, channels, outChannels);
    else rescale(op, word, input, output + offset, pixels);
    offset += channels;
  }
}

function copy(input: usize, output: usize, pixels: i32, channels: i32, outChannels: i32): void {
  for (let pixel = 0; pixel < pixels; pixel++) {
    memory.copy(output, input, channels);
    input += channels;
    output += outChannels;
  }
}

/** All pixels of the input whose fields lie `word` bytes after the first input's. */
function rescale(op: usize, word: i32, input: usize, output: usize, pixels: i32): void {
  const channels = load<i32>(op + word, r.CHANNELS);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const multiplier = load<f32>(op + word, r.MULTIPLIER);
  const zero = load<i32>(op + word, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  const vectors = ASC_FEATURE_SIMD && load<i32>(op, r.FAST_ROUNDING) ? channels & -8 : 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    let channel = 0;
    if (ASC_FEATURE_SIMD) {
      const least = i8x16.splat(<i8>load<i32>(op, r.MIN));
      const most = i8x16.splat(<i8>load<i32>(op, r.MAX));
      const rounder = rounderOf(outZero);
      const shift = shiftOf(outZero);
      const zeros = i16x8.splat(<i16>zero);
      const multipliers = f32x4.splat(multiplier);
      for (; channel < vectors; channel += 8) {
        const v = i16x8.sub(v128.load_ext<i8>(input + channel), zeros);
        const a = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)), multipliers);
        const b = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)), multipliers);
        const bytes = narrow8(round4(a, rounder, shift), round4(b, rounder, shift), least, most);
        v128.store64_lane(output + channel, bytes, 0);
      }
    }
    for (; channel < channels; channel++) {
      const value = requantize(load<i8>(input + channel) - zero, multiplier, low, high, outZero);
      store<i8>(output + channel, value);
    }
    input += channels;
    output += outChannels;
  }
}
