/**
 * Mean over a window:
 *   output[y, x, c] = requantize(sum over the taps inside of (input[...] - zero), multiplier / n)
 * with n = taps inside (at least 1), or all taps of the kernel where the mode counts padding.
 *
 * input       int8 [inHeight, inWidth, channels]
 * multiplier  f32                                   input scale / output scale
 * output      int8 [outHeight, outWidth, channels]
 *
 * |sum| < 2^24, since a kernel has at most 255 * 255 taps and |input - zero| <= 255.
 */
import { COUNT_PADDING } from "../src/format";
import * as r from "../src/record";
import { requantize } from "./requantize";
import { isColumn, isRow, leftOf, pixelAt, topOf } from "./window";

export function averagePool(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const kernelHeight = load<i32>(op, r.KERNEL_HEIGHT);
  const kernelWidth = load<i32>(op, r.KERNEL_WIDTH);
  const dilationY = load<i32>(op, r.DILATION_Y);
  const dilationX = load<i32>(op, r.DILATION_X);
  const zero = load<i32>(op, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  let output = load<usize>(op, r.OUTPUT_AT) + first * outWidth * channels;
  for (let y = first; y < end; y++) {
    const top = topOf(op, y);
    for (let x = 0; x < outWidth; x++) {
      const left = leftOf(op, x);
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let inside = 0;
        for (let ky = 0; ky < kernelHeight; ky++) {
          const row = top + ky * dilationY;
          if (!isRow(op, row)) continue;
          for (let kx = 0; kx < kernelWidth; kx++) {
            const column = left + kx * dilationX;
            if (!isColumn(op, column)) continue;
            sum += load<i8>(pixelAt(op, row, column) + channel) - zero;
            inside++;
          }
        }
        const all = load<i32>(op, r.MODE) == COUNT_PADDING;
        const divisor = <f32>(all ? kernelHeight * kernelWidth : max(inside, 1));
        const multiplier = load<f32>(op, r.MULTIPLIER) / divisor;
        store<i8>(output, requantize(sum, multiplier, low, high, outZero));
        output++;
      }
    }
  }
}
