/**
 * Normalization by mean and variance of a group of channels, over the plane (mode 0) or at each pixel (mode 1):
 *   v = input[y, x, c] - zero, n values in a group
 *   mean = sum of v / n, variance = max(0, sum of v^2 / n - mean^2)
 *   factor = f32(1 / (sqrt(variance + epsilon / input scale^2) * output scale))
 *   output[y, x, c] = requantize(f32(v) - f32(mean), factor)
 *
 * input   int8 [height, width, channels]
 * scales  f32  [1]                         epsilon
 * output  int8 [height, width, channels]
 *
 * Sums are exact; mean, variance and factor are computed in binary64.
 */
import { OVER_PLANE } from "../../src/format.js";
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { requantize } from "./requantize.js";

export function groupNorm(op: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  const { channels, height, width, zero, values } = input!;
  const { groups, mode } = op.attributes;
  const own = channels / groups;
  const scale = Math.fround(input!.scale);
  const result = new Int8Array(values.length);
  const pixels = height * width;
  const planes =
    mode === OVER_PLANE ? [[0, pixels]] : Array.from({ length: pixels }, (_, at) => [at, at + 1]);
  for (const [first, end] of planes) {
    for (let group = 0; group < groups; group++) {
      const places: number[] = [];
      for (let pixel = first!; pixel < end!; pixel++) {
        for (let c = group * own; c < (group + 1) * own; c++) places.push(pixel * channels + c);
      }
      let sum = 0;
      let squares = 0;
      for (const at of places) {
        sum += values[at]! - zero;
        squares += (values[at]! - zero) ** 2;
      }
      const mean = sum / places.length;
      const variance = Math.max(0, squares / places.length - mean * mean);
      const deviation = Math.sqrt(variance + op.scales[0]! / (scale * scale));
      const factor = Math.fround(1 / (deviation * Math.fround(output.scale)));
      for (const at of places) {
        result[at] = requantize(Math.fround(values[at]! - zero - Math.fround(mean)), factor, output);
      }
    }
  }
  return result;
}
