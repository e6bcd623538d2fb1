/**
 * Product of two tensors:
 *   output[y, x, c] = requantize((q0 - z0) * (q1 - z1), (s0 * s1) / so)
 *   where a second input of 1x1 pixels is repeated
 *
 * first   int8 [height, width, channels]
 * second  int8 [height, width, channels] or [1, 1, channels]
 * output  int8 [height, width, channels]
 */
import type { Op, Values } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { product, ratio, requantize } from "./requantize.js";

export function multiply(_: Op, [first, second]: readonly Activation[], output: Shape): Values {
  const multiplier = ratio(product(first!.scale, second!.scale), output.scale);
  return first!.values.map((q0, at) => {
    const q1 = second!.values[at % second!.values.length]!;
    return requantize((q0 - first!.zero) * (q1 - second!.zero), multiplier, output);
  });
}
