/**
 * Mask of any size from the scores, without enlarging them:
 *   mask[y, x] = index of max over c of the bilinear enlargement of scores[.., .., c] at (y, x)
 * with half-pixel centres, weights in 1/2048 and no rounding; lowest index of equal ones.
 *
 * A bilinear value is a convex combination of its four neighbours, so where one class wins at all four it wins
 * between them, and only the other pixels are computed; of these, too, only where different classes win at the ends
 * of a row between two columns of scores. The lowest index of equal scores carries over: a lower
 * class is strictly smaller at all neighbours, a higher one at most equal.
 *
 * op       the record of argmax: scores int8 [inHeight, inWidth, classes], winners uint8 [inHeight, inWidth]
 * width    of the mask, height likewise, pixels
 * band     uint8 [end - first, width]   receives mask rows first..end, at the start of the scratch
 * edges    i32 [inWidth + 1]            first mask column right of each score column, in the scratch
 * row      i32 [inWidth, classes]       one row between two rows of scores, where computed pixels need it
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
  const scores = load<usize>(op, r.INPUT_AT);
  const edges = load<usize>(op, r.SCRATCH_AT) + r.MASK_BAND;
  const row = edges + ((4 * (inWidth + 1) + 15) & -16);
  const inRow = inWidth * classes;
  findEdges(edges, inWidth, width);
  let output = load<usize>(op, r.SCRATCH_AT);
  for (let y = first; y < end; y++) {
    const place = position(y, inHeight, height, BILINEAR, r.FINE);
    const top = place / r.FINE;
    const bottom = min(top + 1, inHeight - 1);
    const upper = load<usize>(op, r.OUTPUT_AT) + top * inWidth;
    const lower = load<usize>(op, r.OUTPUT_AT) + bottom * inWidth;
    let blended = 0;
    let known = -1;
    let leftWinner: u8 = 0;
    let rightWinner: u8 = 0;
    for (let left = 0; left < inWidth; left++) {
      const right = min(left + 1, inWidth - 1);
      const last = load<i32>(edges + 4 * left, 4);
      let x = load<i32>(edges + 4 * left);
      if (x == last) continue;
      const winner = load<u8>(upper + left);
      if (
        winner == load<u8>(upper + right) &&
        winner == load<u8>(lower + left) &&
        winner == load<u8>(lower + right)
      ) {
        memory.fill(output + x, winner, last - x);
        continue;
      }
      blended = max(blended, left);
      if (blended <= right) {
        const skip = blended * classes;
        const source = scores + skip;
        const count = (right + 1) * classes - skip;
        blendRows(
          row + 4 * skip,
          source + top * inRow,
          source + bottom * inRow,
          count,
          place - top * r.FINE,
          r.FINE,
        );
        blended = right + 1;
      }
      const from = row + 4 * left * classes;
      const to = row + 4 * right * classes;
      leftWinner = known == left ? rightWinner : best(from, from, 0, classes);
      rightWinner = best(to, to, 0, classes);
      known = right;
      if (leftWinner == rightWinner) {
        memory.fill(output + x, leftWinner, last - x);
        continue;
      }
      for (; x < last; x++) {
        const weight = position(x, inWidth, width, BILINEAR, r.FINE) - left * r.FINE;
        store<u8>(output + x, best(from, to, weight, classes));
      }
    }
    output += width;
  }
}

/** For each score column the first mask column that lies between it and the next, then the mask's width. */
function findEdges(edges: usize, inWidth: i32, width: i32): void {
  let x = 0;
  for (let column = 0; column < inWidth; column++) {
    while (x < width && position(x, inWidth, width, BILINEAR, r.FINE) < column * r.FINE) x++;
    store<i32>(edges + 4 * column, x);
  }
  store<i32>(edges + 4 * inWidth, width);
}

/** Index of the largest of left[c] * (2048 - weight) + right[c] * weight, the lowest of equal ones. */
function best(left: usize, right: usize, weight: i32, classes: i32): u8 {
  let largest = i32.MIN_VALUE;
  let winner = 0;
  let c = 0;
  if (ASC_FEATURE_SIMD) {
    const leftWeight = i32x4.splat(r.FINE - weight);
    const rightWeight = i32x4.splat(weight);
    let most = i32x4.splat(i32.MIN_VALUE);
    let winners = i32x4.splat(0);
    let indices = i32x4(0, 1, 2, 3);
    for (; c + 4 <= classes; c += 4) {
      const sums = i32x4.add(
        i32x4.mul(v128.load(left + 4 * c), leftWeight),
        i32x4.mul(v128.load(right + 4 * c), rightWeight),
      );
      winners = v128.bitselect(indices, winners, i32x4.gt_s(sums, most));
      most = i32x4.max_s(sums, most);
      indices = i32x4.add(indices, i32x4.splat(4));
    }
    // of four candidates, each the lowest index of its lane
    for (let lane = 0; lane < 4; lane++) {
      const sum = i32x4.extract_lane(most, 0);
      const index = i32x4.extract_lane(winners, 0);
      if (sum > largest || (sum == largest && index < winner)) {
        largest = sum;
        winner = index;
      }
      most = v128.shuffle<i32>(most, most, 1, 2, 3, 0);
      winners = v128.shuffle<i32>(winners, winners, 1, 2, 3, 0);
    }
  }
  for (; c < classes; c++) {
    const sum = load<i32>(left + 4 * c) * (r.FINE - weight) + load<i32>(right + 4 * c) * weight;
    if (sum > largest) {
      largest = sum;
      winner = c;
    }
  }
  return <u8>winner;
}
