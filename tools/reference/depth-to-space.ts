/**
 * Channels laid out as blocks of strideY x strideX pixels, less what is cropped on the four sides:
 *   output[y, x, c] = input[Y / strideY, X / strideX, channel], Y = y + padTop, X = x + padLeft, quotients rounded down
 *   place = (Y mod strideY) * strideX + X mod strideX
 *   channel = place * channels + c (mode 0), or c * strideY * strideX + place (mode 1)
 *
 * input   int8 [height, width, strideY * strideX * channels]
 * output  int8 [rows, columns, channels]                      same scale and zero point
 */
import { CHANNEL_FASTER } from "../../src/format.js";
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";

export function depthToSpace(op: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  const { strideY, strideX, padTop, padLeft, mode } = op.attributes;
  const { channels } = output;
  const result = new Int8Array(output.height * output.width * channels);
  let at = 0;
  for (let y = padTop; y < padTop + output.height; y++) {
    for (let x = padLeft; x < padLeft + output.width; x++) {
      const pixel = Math.floor(y / strideY) * input!.width + Math.floor(x / strideX);
      const place = (y % strideY) * strideX + (x % strideX);
      for (let c = 0; c < channels; c++) {
        const channel = mode === CHANNEL_FASTER ? place * channels + c : c * strideY * strideX + place;
        result[at++] = input!.values[pixel * input!.channels + channel]!;
      }
    }
  }
  return result;
}
