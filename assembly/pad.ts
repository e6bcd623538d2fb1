/**
 * A border of one value:
 *   output[y, x, c] = input[y - padTop, x - padLeft, c] where inside the input, else value
 *
 * input   int8 [inHeight, inWidth, channels]
 * output  int8 [outHeight, outWidth, channels]   at the input's scale and zero point
 */
import * as r from "../src/record";
import { isRow } from "./window";

export function pad(op: usize, first: i32, end: i32): void {
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const inRow = load<i32>(op, r.IN_WIDTH) * channels;
  const outRow = load<i32>(op, r.OUT_WIDTH) * channels;
  const left = load<i32>(op, r.PAD_LEFT) * channels;
  for (let y = first; y < end; y++) {
    const output = load<usize>(op, r.OUTPUT_AT) + y * outRow;
    const row = y - load<i32>(op, r.PAD_TOP);
    memory.fill(output, <u8>load<i32>(op, r.VALUE), outRow);
    if (isRow(op, row)) {
      memory.copy(output + left, load<usize>(op, r.INPUT_AT) + row * inRow, inRow);
    }
  }
}
