/**
 * The largest value of the plane (mode 0) or of the channels of each pixel (mode 1):
 *   output[c] = largest input[y, x, c] over y, x,  or  output[y, x] = largest input[y, x, c] over c
 *
 * input   int8 [height, width, channels]
 * output  int8 [1, 1, channels], or [height, width, 1]   same scale and zero point
 */
import { OVER_PLANE } from "../../src/format.js";
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";

export function reduceMax(op: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  const { channels, values } = input!;
  const result = new Int8Array(output.height * output.width * output.channels).fill(-128);
  values.forEach((q, at) => {
    const to = op.attributes.mode === OVER_PLANE ? at % channels : Math.floor(at / channels);
    result[to] = Math.max(result[to]!, q);
  });
  return result;
}
