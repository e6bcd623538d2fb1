/**
 * Channels laid out as blocks of strideY x strideX pixels, less what is cropped on the four sides:
 *   output[y, x, c] = input[Y / strideY, X / strideX, channel], Y = y + padTop, X = x + padLeft, quotients rounded down
 *   place = (Y mod strideY) * strideX + X mod strideX
 *   channel = place * channels + c (mode 0), or c * strideY * strideX + place (mode 1)
 *
 * input   int8 [inHeight, inWidth, strideY * strideX * channels]
 * output  int8 [outHeight, outWidth, channels]                     at the input's scale and zero point
 */
import { CHANNEL_FASTER } from "../src/format";
import * as r from "../src/record";

export function depthToSpace(op: usize, first: i32, end: i32): void {
  const strideY = load<i32>(op, r.STRIDE_Y);
  const strideX = load<i32>(op, r.STRIDE_X);
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const left = load<i32>(op, r.PAD_LEFT);
  const isWhole = load<i32>(op, r.MODE) == CHANNEL_FASTER || strideY * strideX == 1;
  let output = load<usize>(op, r.OUTPUT_AT) + first * outWidth * channels;
  for (let y = first; y < end; y++) {
    const row = y + load<i32>(op, r.PAD_TOP);
    const above = (row % strideY) * strideX;
    const input = load<usize>(op, r.INPUT_AT) + (row / strideY) * load<i32>(op, r.IN_WIDTH) * inChannels;
    for (let x = left; x < left + outWidth; x++) {
      const pixel = input + (x / strideX) * inChannels;
      const place = above + (x % strideX);
      if (isWhole) memory.copy(output, pixel + place * channels, channels);
      else pick(output, pixel + place, channels, strideY * strideX);
      output += channels;
    }
  }
}

/** `count` bytes that lie `step` apart. */
function pick(output: usize, input: usize, count: i32, step: i32): void {
  for (let i = 0; i < count; i++) {
    store<i8>(output + i, load<i8>(input));
    input += step;
  }
}
