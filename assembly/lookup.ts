/**
 * Any function of one value:
 *   output[y, x, c] = table[input[y, x, c] + 128]
 *
 * input   int8 [rows, width, channels]
 * table   int8 [256]
 * output  int8 [rows, width, channels]   may be the input
 */
import * as r from "../src/record";

export function lookup(op: usize, first: i32, end: i32): void {
  const row = load<i32>(op, r.OUT_WIDTH) * load<i32>(op, r.OUT_CHANNELS);
  const input = load<usize>(op, r.INPUT_AT);
  const output = load<usize>(op, r.OUTPUT_AT);
  const table = load<usize>(op, r.TABLE_AT) + 128;
  for (let at = first * row; at < end * row; at++) {
    store<i8>(output + at, load<i8>(table + <i32>load<i8>(input + at)));
  }
}
