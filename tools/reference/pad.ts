/**
 * The input with rows and columns around it:
 *   output[y, x, c] = input[y - padTop, x - padLeft, c] inside the input, outside it
 *     mode 0   value
 *     mode 1   the nearest pixel of the input
 *     mode 2   the pixel as far inside the edge as this one is outside
 *
 * input   int8 [height, width, channels]
 * output  int8 [padTop + height + padBottom, padLeft + width + padRight, channels]   same scale and zero point
 */
import { PAD_EDGE, PAD_REFLECT } from "../../src/format.js";
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";

export function pad(op: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  const { height, width, channels, values } = input!;
  const { padTop, padLeft, mode, value } = op.attributes;
  const result = new Int8Array(output.height * output.width * channels);
  let at = 0;
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      for (let c = 0; c < channels; c++) {
        const row = sourceOf(y - padTop, height, mode);
        const column = sourceOf(x - padLeft, width, mode);
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        result[at++] = inside ? values[(row * width + column) * channels + c]! : value;
      }
    }
  }
  return result;
}

/** The row or column that stands for one outside 0..count-1. */
function sourceOf(index: number, count: number, mode: number): number {
  if (mode === PAD_EDGE) return Math.min(Math.max(index, 0), count - 1);
  if (mode !== PAD_REFLECT) return index;
  return index < 0 ? -index : index < count ? index : 2 * (count - 1) - index;
}
