/**
 * Class of the largest score at every pixel of the scores, lowest index of equal ones:
 *   output[y, x] = index of max over c of input[y, x, c]
 *
 * input   int8  [rows, width, classes]
 * output  uint8 [rows, width]
 */
import * as r from "../src/record";

export function argmax(op: usize, first: i32, end: i32): void {
  const width = load<i32>(op, r.OUT_WIDTH);
  const classes = load<i32>(op, r.IN_CHANNELS);
  let scores = load<usize>(op, r.INPUT_AT) + first * width * classes;
  const output = load<usize>(op, r.OUTPUT_AT);
  for (let at = first * width; at < end * width; at++) {
    let best = 0;
    let largest = <i32>load<i8>(scores);
    for (let c = 1; c < classes; c++) {
      const score = <i32>load<i8>(scores + c);
      if (score > largest) {
        largest = score;
        best = c;
      }
    }
    store<u8>(output + at, best);
    scores += classes;
  }
}
