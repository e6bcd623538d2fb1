/**
 * PReLU, with a slope below zero for each channel:
 *   v = input[y, x, c] - zero
 *   output[y, x, c] = requantize(v, v < 0 ? (input scale * scales[c]) / output scale : input scale / output scale)
 *
 * input   int8 [height, width, channels]
 * scales  f32  [channels]                 the slopes
 * output  int8 [height, width, channels]
 */
import type { Op, Values } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { product, ratio, requantize } from "./requantize.js";

export function prelu(op: Op, [input]: readonly Activation[], output: Shape): Values {
  const { channels, scale, zero, values } = input!;
  return values.map((q, at) => {
    const slope = op.scales[at % channels]!;
    const isBelow = q - zero < 0;
    const multiplier = isBelow ? ratio(product(scale, slope), output.scale) : ratio(scale, output.scale);
    return requantize(q - zero, multiplier, output);
  });
}
