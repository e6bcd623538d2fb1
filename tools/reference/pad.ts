/**
 * The input with rows and columns of one value around it:
 *   output[y, x, c] = input[y - padTop, x - padLeft, c], or value outside the input
 *
 * input   int8 [height, width, channels]
 * output  int8 [padTop + height + padBottom, padLeft + width + padRight, channels]   same scale and zero point
 */
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";

export function pad(op: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  const { height, width, channels, values } = input!;
  const result = new Int8Array(output.height * output.width * channels);
  let at = 0;
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      for (let c = 0; c < channels; c++) {
        const row = y - op.attributes.padTop;
        const column = x - op.attributes.padLeft;
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        result[at++] = inside ? values[(row * width + column) * channels + c]! : op.attributes.value;
      }
    }
  }
  return result;
}
