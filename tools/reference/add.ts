/**
 * Sum of two tensors:
 *   output[y, x, c] = clamp(round((constant + f32(q1) * (s1 / so)) + f32(q0) * (s0 / so)))
 *   constant        = f32(zo) - (s0 / so * f32(z0) + s1 / so * f32(z1))
 *   where a second input of 1x1 pixels is repeated
 *
 * first   int8 [height, width, channels]
 * second  int8 [height, width, channels] or [1, 1, channels]
 * output  int8 [height, width, channels]
 *
 * Every product and every sum is rounded to binary32.
 */
import type { Op, Values } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { clamp, product, ratio, roundHalfToEven } from "./requantize.js";

export function add(_: Op, [first, second]: readonly Activation[], output: Shape): Values {
  const one = ratio(first!.scale, output.scale);
  const two = ratio(second!.scale, output.scale);
  const zeros = Math.fround(product(first!.zero, one) + product(second!.zero, two));
  const constant = Math.fround(output.zero - zeros);
  return first!.values.map((q0, at) => {
    const q1 = second!.values[at % second!.values.length]!;
    const partial = Math.fround(constant + product(q1, two));
    return clamp(roundHalfToEven(Math.fround(partial + product(q0, one))), output);
  });
}
