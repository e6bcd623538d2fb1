/**
 * The inputs' channels one after the other:
 *   output[y, x, c + channels of the inputs before] = requantize(input[y, x, c] - input zero, input scale / output scale)
 *
 * inputs  int8 [height, width, channels of the input]
 * output  int8 [height, width, sum of the channels]
 */
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { ratio, requantize } from "./requantize.js";

export function concat(_: Op, inputs: readonly Activation[], output: Shape): Int8Array {
  const result = new Int8Array(output.height * output.width * output.channels);
  let at = 0;
  for (let pixel = 0; pixel < output.height * output.width; pixel++) {
    for (const input of inputs) {
      for (let c = 0; c < input.channels; c++) {
        const q = input.values[pixel * input.channels + c]!;
        result[at++] = requantize(q - input.zero, ratio(input.scale, output.scale), output);
      }
    }
  }
  return result;
}
