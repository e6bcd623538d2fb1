/**
 * Sum of two tensors:
 *   output[y, x, c] = clamp(round(f32(q0 - z0) * (s0 / so) + f32(q1 - z1) * (s1 / so)) + zo)
 *   where a second input of 1x1 pixels is repeated
 *
 * first   int8 [height, width, channels]
 * second  int8 [height, width, channels] or [1, 1, channels]
 * output  int8 [height, width, channels]
 *
 * Both products and their sum are rounded to binary32.
 */
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { clamp, product, ratio, roundHalfToEven } from "./requantize.js";

export function add(_: Op, [first, second]: readonly Activation[], output: Shape): Int8Array {
  const one = ratio(first!.scale, output.scale);
  const two = ratio(second!.scale, output.scale);
  return first!.values.map((q0, at) => {
    const q1 = second!.values[at % second!.values.length]!;
    const sum = Math.fround(product(q0 - first!.zero, one) + product(q1 - second!.zero, two));
    return clamp(roundHalfToEven(sum) + output.zero, output);
  });
}
