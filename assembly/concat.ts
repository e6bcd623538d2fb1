/**
 * Channels of up to four inputs one after the other:
 *   output[y, x, offset_k + c] = requantize(input_k[y, x, c] - zero_k, multiplier_k)
 *
 * input_k       int8 [rows, width, channels_k]
 * multiplier_k  f32                                      input scale / output scale
 * output        int8 [rows, width, sum of channels_k]
 */
import * as r from "../src/record";
import { requantize } from "./requantize";

export function concat(op: usize, first: i32, end: i32): void {
  const width = load<i32>(op, r.OUT_WIDTH);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  let offset = 0;
  for (let word = 0; offset < outChannels; word += 4) {
    const channels = load<i32>(op + word, r.CHANNELS);
    const input = load<usize>(op + word, r.INPUT_AT);
    const output = load<usize>(op, r.OUTPUT_AT) + offset;
    for (let at = first * width; at < end * width; at++) {
      rescale(op, word, input + at * channels, output + at * outChannels, channels);
    }
    offset += channels;
  }
}

/** One pixel of the input whose fields lie `word` bytes after the first input's. */
function rescale(op: usize, word: i32, input: usize, output: usize, channels: i32): void {
  const multiplier = load<f32>(op + word, r.MULTIPLIER);
  const zero = load<i32>(op + word, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const min = load<i32>(op, r.MIN);
  const max = load<i32>(op, r.MAX);
  if (multiplier == 1 && zero == outZero && min == -128 && max == 127) {
    memory.copy(output, input, channels);
    return;
  }
  const low = <f32>(min - outZero);
  const high = <f32>(max - outZero);
  for (let channel = 0; channel < channels; channel++) {
    const value = requantize(load<i8>(input + channel) - zero, multiplier, low, high, outZero);
    store<i8>(output + channel, value);
  }
}
