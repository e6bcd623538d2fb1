/**
 * Normalization by mean and variance of a group of channels, over the plane (mode 0) or at each pixel (mode 1):
 *   v = input[y, x, c] - zero, n values in a group
 *   mean = sum of v / n, variance = max(0, sum of v^2 / n - mean^2)
 *   factor = f32(1 / (sqrt(variance + epsilon / input scale^2) * output scale))
 *   output[y, x, c] = requantize(f32(v) - f32(mean), factor)
 *
 * input    int8 [height, width, channels]
 * epsilon  f32
 * output   int8 [height, width, channels]
 * scratch  i64 [channels, 2]                sums and sums of squares (mode 0), then
 *          f32 [groups, 2]                  means and factors
 *
 * Whoever computes some of the rows goes over the whole plane for its sums.
 */
import { OVER_PLANE } from "../src/format";
import * as r from "../src/record";
import { round } from "./requantize";

export function groupNorm(op: usize, first: i32, end: i32): void {
  if (first >= end) return;
  const width = load<i32>(op, r.OUT_WIDTH);
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const sums = load<usize>(op, r.SCRATCH_AT);
  const isPlane = load<i32>(op, r.MODE) == OVER_PLANE;
  const pixels = isPlane ? load<i32>(op, r.OUT_HEIGHT) * width : 1;
  if (isPlane) statistics(op, load<usize>(op, r.INPUT_AT), pixels, sums);
  for (let pixel = first * width; pixel < end * width; pixel++) {
    const input = load<usize>(op, r.INPUT_AT) + pixel * channels;
    if (!isPlane) statistics(op, input, 1, sums);
    apply(op, input, load<usize>(op, r.OUTPUT_AT) + pixel * channels, sums + 16 * channels);
  }
}

/** Mean and factor of each group over some pixels. */
function statistics(op: usize, input: usize, pixels: i32, sums: usize): void {
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const groups = load<i32>(op, r.GROUPS);
  const own = channels / groups;
  const zero = load<i32>(op, r.ZERO);
  const scale = <f64>load<f32>(op, r.IN_SCALE);
  const epsilon = <f64>load<f32>(op, r.EPSILON) / (scale * scale);
  memory.fill(sums, 0, 16 * channels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      const v = load<i8>(input + channel) - zero;
      const at = sums + 16 * channel;
      store<i64>(at, load<i64>(at) + v);
      store<i64>(at, load<i64>(at, 8) + v * v, 8);
    }
    input += channels;
  }
  let at = sums;
  const count = <f64>pixels * <f64>own;
  for (let group = 0; group < groups; group++) {
    let sum: i64 = 0;
    let squares: i64 = 0;
    for (let channel = 0; channel < own; channel++) {
      sum += load<i64>(at);
      squares += load<i64>(at, 8);
      at += 16;
    }
    const mean = <f64>sum / count;
    const variance = max<f64>(0, <f64>squares / count - mean * mean);
    const deviation = Math.sqrt(variance + epsilon) * <f64>load<f32>(op, r.OUT_SCALE);
    store<f32>(sums + 16 * channels + 8 * group, <f32>mean);
    store<f32>(sums + 16 * channels + 8 * group, <f32>(1 / deviation), 4);
  }
}

/** One pixel. */
function apply(op: usize, input: usize, output: usize, found: usize): void {
  const groups = load<i32>(op, r.GROUPS);
  const own = load<i32>(op, r.OUT_CHANNELS) / groups;
  const zero = load<i32>(op, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  for (let group = 0; group < groups; group++) {
    const mean = load<f32>(found + 8 * group);
    const factor = load<f32>(found + 8 * group, 4);
    for (let channel = 0; channel < own; channel++) {
      const v = <f32>(load<i8>(input) - zero) - mean;
      store<i8>(output, round(v * factor, low, high) + outZero);
      input++;
      output++;
    }
  }
}
