/** Where the pixels under a window lie. */
import * as r from "../src/record";

/** Whether a row is one of the input's. */
export function isRow(op: usize, row: i32): bool {
  return row >= 0 && row < load<i32>(op, r.IN_HEIGHT);
}

/** Whether a column is one of the input's. */
export function isColumn(op: usize, column: i32): bool {
  return column >= 0 && column < load<i32>(op, r.IN_WIDTH);
}

/** Address of an input pixel; row y lies at y modulo the rows that memory holds. */
export function pixelAt(op: usize, row: i32, column: i32): usize {
  const held = load<i32>(op, r.IN_ROWS);
  const index = (row < held ? row : row % held) * load<i32>(op, r.IN_WIDTH) + column;
  return load<usize>(op, r.INPUT_AT) + index * load<i32>(op, r.IN_CHANNELS);
}

/** Input row under the first kernel row of output row `y`. */
export function topOf(op: usize, y: i32): i32 {
  return y * load<i32>(op, r.STRIDE_Y) - load<i32>(op, r.PAD_TOP);
}

/** Input column under the first kernel column of output column `x`. */
export function leftOf(op: usize, x: i32): i32 {
  return x * load<i32>(op, r.STRIDE_X) - load<i32>(op, r.PAD_LEFT);
}
