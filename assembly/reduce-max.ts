/**
 * The largest value of the plane (mode 0) or of the channels of each pixel (mode 1):
 *   output[c] = largest input[y, x, c] over y, x,  or  output[y, x] = largest input[y, x, c] over c
 *
 * input   int8 [inHeight, inWidth, channels]
 * output  int8 [1, 1, channels], or [inHeight, inWidth, 1]   at the input's scale and zero point
 */
import { OVER_PLANE } from "../src/format";
import * as r from "../src/record";

export function reduceMax(op: usize, first: i32, end: i32): void {
  if (load<i32>(op, r.MODE) == OVER_PLANE) overPlane(op, first, end);
  else overChannels(op, first, end);
}

function overPlane(op: usize, first: i32, end: i32): void {
  if (first >= end) return;
  const channels = load<i32>(op, r.IN_CHANNELS);
  const output = load<usize>(op, r.OUTPUT_AT);
  let input = load<usize>(op, r.INPUT_AT);
  const last = input + load<i32>(op, r.IN_HEIGHT) * load<i32>(op, r.IN_WIDTH) * channels;
  memory.copy(output, input, channels);
  for (; input < last; input += channels) {
    let channel = 0;
    if (ASC_FEATURE_SIMD) {
      for (; channel + 16 <= channels; channel += 16) {
        v128.store(output + channel, i8x16.max_s(v128.load(output + channel), v128.load(input + channel)));
      }
    }
    for (; channel < channels; channel++) {
      store<i8>(output + channel, max(load<i8>(output + channel), load<i8>(input + channel)));
    }
  }
}

function overChannels(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const width = load<i32>(op, r.OUT_WIDTH);
  let input = load<usize>(op, r.INPUT_AT) + first * width * channels;
  for (let pixel = first * width; pixel < end * width; pixel++) {
    let largest = load<i8>(input);
    for (let channel = 1; channel < channels; channel++) largest = max(largest, load<i8>(input + channel));
    store<i8>(load<usize>(op, r.OUTPUT_AT) + pixel, largest);
    input += channels;
  }
}
