/**
 * Gate (attention condenser):
 *   output[y, x, c] = requantize((value[y, x, c] - zero) * table[attention[y / f, x / f, c] + 128],
 *                     (value scale * scales[0]) / output scale)
 *   where f = the pool factor and both quotients are rounded down
 *
 * value      int8  [height, width, channels]
 * attention  int8  [at least height / f, at least width / f, channels]
 * table      int16 [256]                    zero point taken off
 * scales     f32   [1]                      of the table
 * output     int8  [height, width, channels]
 *
 * |product| < 2^23, since |value - zero| < 2^8 and |table| <= 2^15.
 */
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { product, ratio, requantize } from "./requantize.js";

export function gate(op: Op, [value, attention]: readonly Activation[], output: Shape): Int8Array {
  const { height, width, channels, zero, values } = value!;
  const factor = op.attributes.numerator;
  const multiplier = ratio(product(value!.scale, op.scales[0]!), output.scale);
  const result = new Int8Array(height * width * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const pixel = Math.floor(y / factor) * attention!.width + Math.floor(x / factor);
        const weight = op.table[attention!.values[pixel * channels + c]! + 128]!;
        result[at] = requantize((values[at]! - zero) * weight, multiplier, output);
        at++;
      }
    }
  }
  return result;
}
