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
  const copied = load<i32>(op, r.COPIED);
  let offset = 0;
  for (let slot = 0; offset < outChannels; slot++) {
    const word = 4 * slot;
    const channels = load<i32>(op + word, r.CHANNELS);
    let input = load<usize>(op + word, r.INPUT_AT) + first * width * channels;
    let output = load<usize>(op, r.OUTPUT_AT) + first * width * outChannels + offset;
    const isCopied = ((copied >> slot) & 1) != 0;
    for (let pixel = first * width; pixel < end * width; pixel++) {
      if (isCopied) memory.copy(output, input, channels);
      else rescale(op, word, input, output, channels);
      input += channels;
      output += outChannels;
    }
    offset += channels;
  }
}

/** One pixel of the input whose fields lie `word` bytes after the first input's. */
function rescale(op: usize, word: i32, input: usize, output: usize, channels: i32): void {
  const multiplier = load<f32>(op + word, r.MULTIPLIER);
  const zero = load<i32>(op + word, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  for (let channel = 0; channel < channels; channel++) {
    const value = requantize(load<i8>(input + channel) - zero, multiplier, low, high, outZero);
    store<i8>(output + channel, value);
  }
}
