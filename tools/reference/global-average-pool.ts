/**
 * Average over the whole plane:
 *   output[c] = requantize(sum over y, x of (input[y, x, c] - zero), (input scale / output scale) / f32(height * width))
 *
 * input   int8 [height, width, channels]
 * output  int8 [1, 1, channels]
 *
 * Sums are int32 and wrap around; they cannot while height * width <= 2^23.
 */
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { ratio, requantize } from "./requantize.js";

export function globalAveragePool(_: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  const { height, width, channels, zero, values } = input!;
  const result = new Int8Array(channels);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let pixel = 0; pixel < height * width; pixel++) {
      sum = (sum + values[pixel * channels + c]! - zero) | 0;
    }
    result[c] = requantize(sum, ratio(ratio(input!.scale, output.scale), height * width), output);
  }
  return result;
}
