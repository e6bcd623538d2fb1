/**
 * Index of the largest logit at every pixel of the mask:
 *   mask[y, x] = the lowest c with the largest sum[c]
 *   where sum[c] are the logits upsampled bilinearly, half-pixel centres, in 2048ths on both axes, or in 512ths
 *   if they are wide, kept exact
 *
 * logits  int8, or int16 if they are wide, [height, width, classes]; classes <= 256
 * mask    uint8 [mask height, mask width]
 */
import { BILINEAR } from "../../src/format.js";
import type { Size, Values } from "../../src/ops.js";
import { interpolate, place } from "./resize.js";

/** @returns class ids, uint8 [maskHeight, maskWidth] */
export function argmax(
  logits: Values,
  { height, width }: Size,
  classes: number,
  maskHeight: number,
  maskWidth: number,
): Uint8Array {
  const depth = logits instanceof Int16Array ? 512 : 2048;
  const mask = new Uint8Array(maskHeight * maskWidth);
  const input = { values: logits, width, channels: classes };
  let at = 0;
  for (let y = 0; y < maskHeight; y++) {
    const down = place(BILINEAR, y, height, maskHeight, depth);
    for (let x = 0; x < maskWidth; x++) {
      const across = place(BILINEAR, x, width, maskWidth, depth);
      let winner = 0;
      let largest = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < classes; c++) {
        const sum = interpolate(input, down, across, depth, depth, c);
        if (sum > largest) {
          largest = sum;
          winner = c;
        }
      }
      mask[at++] = winner;
    }
  }
  return mask;
}
