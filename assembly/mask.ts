/**
 * Mask of any size from the scores, without enlarging them:
 *   mask[y, x] = index of max over c of the bilinear enlargement of scores[.., .., c] at (y, x)
 * with half-pixel centres, weights in 1/2048 and no rounding; lowest index of equal ones.
 *
 * A bilinear value is a convex combination of its four neighbours, so where one class wins at all four it wins
 * between them, and only the other pixels are computed. The lowest index of equal scores carries over: a lower
 * class is strictly smaller at all four neighbours, a higher one at most equal.
 *
 * op       the record of argmax: scores int8 [inHeight, inWidth, classes], winners uint8 [inHeight, inWidth]
 * width    of the mask, height likewise, pixels
 * band     uint8 [end - first, width]   receives mask rows first..end, at the start of the scratch
 * row      i32 [inWidth, classes]       one row between two rows of scores, in the scratch
 *
 * |sum| < 2^30, since the weights of four neighbours add up to 2^22 and |score| <= 2^7.
 */
import { BILINEAR } from "../src/format";
import * as r from "../src/record";
import { blendRows, position } from "./resample";

export function mask(op: usize, width: i32, height: i32, first: i32, end: i32): void {
  const inHeight = load<i32>(op, r.IN_HEIGHT);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const classes = load<i32>(op, r.IN_CHANNELS);
  const winners = load<usize>(op, r.OUTPUT_AT);
  const row = load<usize>(op, r.SCRATCH_AT) + r.MASK_BAND;
  const inRow = inWidth * classes;
  let output = load<usize>(op, r.SCRATCH_AT);
  for (let y = first; y < end; y++) {
    const place = position(y, inHeight, height, BILINEAR, r.FINE);
    const top = place / r.FINE;
    const bottom = min(top + 1, inHeight - 1);
    const scores = load<usize>(op, r.INPUT_AT);
    blendRows(row, scores + top * inRow, scores + bottom * inRow, inRow, place - top * r.FINE, r.FINE);
    for (let x = 0; x < width; x++) {
      const spot = position(x, inWidth, width, BILINEAR, r.FINE);
      const left = spot / r.FINE;
      const right = min(left + 1, inWidth - 1);
      const winner = load<u8>(winners + top * inWidth + left);
      const sure =
        winner == load<u8>(winners + top * inWidth + right) &&
        winner == load<u8>(winners + bottom * inWidth + left) &&
        winner == load<u8>(winners + bottom * inWidth + right);
      const weight = spot - left * r.FINE;
      const leftScores = row + 4 * left * classes;
      store<u8>(output, sure ? winner : best(leftScores, row + 4 * right * classes, weight, classes));
      output++;
    }
  }
}

/** Index of the largest of left[c] * (2048 - weight) + right[c] * weight. */
function best(left: usize, right: usize, weight: i32, classes: i32): u8 {
  let largest = i32.MIN_VALUE;
  let winner = 0;
  for (let c = 0; c < classes; c++) {
    const sum = load<i32>(left + 4 * c) * (r.FINE - weight) + load<i32>(right + 4 * c) * weight;
    if (sum > largest) {
      largest = sum;
      winner = c;
    }
  }
  return <u8>winner;
}
