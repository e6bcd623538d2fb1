/**
 * A border around the input:
 *   output[y, x, c] = input[y - padTop, x - padLeft, c] where inside the input, else
 *     mode 0   value
 *     mode 1   the nearest pixel of the input
 *     mode 2   the pixel as far inside the edge as this one is outside
 *
 * input   int8 [inHeight, inWidth, channels]
 * output  int8 [outHeight, outWidth, channels]   at the input's scale and zero point
 */
import { PAD_EDGE, PAD_VALUE } from "../src/format";
import * as r from "../src/record";
import { isRow } from "./window";

export function pad(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const inRow = inWidth * channels;
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const outRow = outWidth * channels;
  const left = load<i32>(op, r.PAD_LEFT);
  const mode = load<i32>(op, r.MODE);
  for (let y = first; y < end; y++) {
    const output = load<usize>(op, r.OUTPUT_AT) + y * outRow;
    let row = y - load<i32>(op, r.PAD_TOP);
    if (mode == PAD_VALUE) {
      memory.fill(output, <u8>load<i32>(op, r.VALUE), outRow);
      if (!isRow(op, row)) continue;
    } else {
      row = inside(row, load<i32>(op, r.IN_HEIGHT), mode);
    }
    const input = load<usize>(op, r.INPUT_AT) + row * inRow;
    memory.copy(output + left * channels, input, inRow);
    if (mode == PAD_VALUE) continue;
    for (let x = 0; x < outWidth; x++) {
      if (x == left) x += inWidth;
      if (x >= outWidth) break;
      memory.copy(output + x * channels, input + inside(x - left, inWidth, mode) * channels, channels);
    }
  }
}

/** The row or column of `count` that stands for one outside. */
function inside(index: i32, count: i32, mode: i32): i32 {
  if (mode == PAD_EDGE) return min(max(index, 0), count - 1);
  return index < 0 ? -index : index < count ? index : 2 * (count - 1) - index;
}
