/**
 * Mean over the whole plane:
 *   output[c] = requantize(sum over y, x of (input[y, x, c] - zero), multiplier / f32(inHeight * inWidth))
 *
 * input       int8 [inHeight, inWidth, channels]
 * multiplier  f32              input scale / output scale
 * output      int8 [1, 1, channels]
 * scratch     i32 [channels]   the sums
 *
 * |sum| < 2^31, since the plan admits at most 2^23 pixels and |input - zero| <= 255.
 */
import * as r from "../src/record";
import { requantize } from "./requantize";

export function globalAveragePool(op: usize, first: i32, end: i32): void {
  if (first >= end) return;
  const channels = load<i32>(op, r.IN_CHANNELS);
  const sums = load<usize>(op, r.SCRATCH_AT);
  const zero = load<i32>(op, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  memory.fill(sums, 0, 4 * channels);
  let input = load<usize>(op, r.INPUT_AT);
  const pixels = load<i32>(op, r.IN_HEIGHT) * load<i32>(op, r.IN_WIDTH);
  const multiplier = load<f32>(op, r.MULTIPLIER) / <f32>pixels;
  const last = input + pixels * channels;
  for (; input < last; input += channels) {
    for (let channel = 0; channel < channels; channel++) {
      const sum = sums + 4 * channel;
      store<i32>(sum, load<i32>(sum) + load<i8>(input + channel) - zero);
    }
  }
  for (let channel = 0; channel < channels; channel++) {
    const mean = requantize(load<i32>(sums + 4 * channel), multiplier, low, high, outZero);
    store<i8>(load<usize>(op, r.OUTPUT_AT) + channel, mean);
  }
}
