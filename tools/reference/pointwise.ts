/**
 * Pointwise convolution:
 *   output[y, x, o] = requantize(bias[o] + sum over i of input[y, x, i] * weights[o, i],
 *                     (input scale * scales[o]) / output scale)
 *
 * input    int8  [height, width, inChannels]
 * weights  int8  [outChannels, inChannels]
 * bias     int32 [outChannels]              the input zero point is folded in
 * scales   f32   [outChannels]              of the weights
 * table    int8  [1024], or none            activation: see `finished`
 * output   int8, or int16 if it is wide, [height, width, outChannels]
 *
 * Sums are int32 and wrap around.
 */
import type { Op, Values } from "../../src/ops.js";
import { type Activation, emptyValues, type Shape } from "./activation.js";
import { finished } from "./requantize.js";

export function pointwise(op: Op, [input]: readonly Activation[], output: Shape): Values {
  const { channels, values } = input!;
  const pixels = output.height * output.width;
  const result = emptyValues(output);
  let at = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let o = 0; o < output.channels; o++) {
      let sum = op.bias[o]!;
      for (let i = 0; i < channels; i++) {
        sum = (sum + values[pixel * channels + i]! * op.weights[o * channels + i]!) | 0;
      }
      result[at++] = finished(sum, o, op, input!, output);
    }
  }
  return result;
}
