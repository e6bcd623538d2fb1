/**
 * Maximum over a window:
 *   output[y, x, c] = max over the taps (ky, kx) inside the input of
 *                       input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, c]
 * or the output's min where no tap is inside.
 *
 * input   int8 [inHeight, inWidth, channels]
 * output  int8 [outHeight, outWidth, channels]   at the input's scale and zero point
 */
import * as r from "../src/record";
import { isColumn, isRow, leftOf, pixelAt, topOf } from "./window";

export function maxPool(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const lowest = load<i32>(op, r.MIN);
  const blocks = ASC_FEATURE_SIMD ? channels & -16 : 0;
  let output = load<usize>(op, r.OUTPUT_AT) + first * outWidth * channels;
  for (let y = first; y < end; y++) {
    for (let x = 0; x < outWidth; x++) {
      memory.fill(output, <u8>lowest, channels);
      const top = topOf(op, y);
      const left = leftOf(op, x);
      for (let ky = 0; ky < load<i32>(op, r.KERNEL_HEIGHT); ky++) {
        const row = top + ky * load<i32>(op, r.DILATION_Y);
        if (!isRow(op, row)) continue;
        for (let kx = 0; kx < load<i32>(op, r.KERNEL_WIDTH); kx++) {
          const column = left + kx * load<i32>(op, r.DILATION_X);
          if (!isColumn(op, column)) continue;
          const tap = pixelAt(op, row, column);
          let channel = 0;
          if (ASC_FEATURE_SIMD) {
            for (; channel < blocks; channel += 16) {
              const largest = i8x16.max_s(v128.load(output + channel), v128.load(tap + channel));
              v128.store(output + channel, largest);
            }
          }
          if (ASC_FEATURE_SIMD && channel + 8 <= channels) {
            const largest = i8x16.max_s(v128.load64_zero(output + channel), v128.load64_zero(tap + channel));
            v128.store64_lane(output + channel, largest, 0);
            channel += 8;
          }
          for (; channel < channels; channel++) {
            store<i8>(output + channel, max(load<i8>(output + channel), load<i8>(tap + channel)));
          }
        }
      }
      output += channels;
    }
  }
}
