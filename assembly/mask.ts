/**
 * Mask of any size from the logits, without upsampling them:
 *   mask[y, x] = index of max over c of the bilinear upsampling of logits[.., .., c] at (y, x)
 * with half-pixel centers, weights in 1/2048 (1/512 where logits are wide) and no rounding; lowest index of equal ones.
 *
 * A bilinear value is a convex combination of its four neighbours, so where one class wins at all four it wins
 * between them, and only the other pixels are computed. The lowest index of equal logits carries over: a lower
 * class is strictly smaller at all neighbours, a higher one at most equal.
 *
 * op       the record of argmax: logits int8, or int16 where they are wide, [inHeight, inWidth, classes]; winners uint8
 *          [inHeight, inWidth]
 * width    of the mask, height likewise, pixels
 * band     uint8 [end - first, width]   receives mask rows first..end
 * edges    i32 [inWidth + 1]            first mask column right of each logit column, in the scratch
 * row      i32 [inWidth, classes]       one row between two rows of logits, where computed pixels need it
 *
 * |sum| <= 2^30, since the weights of four neighbours add up to 2^22 and |logit| <= 2^7, or to 2^18 and |logit| <= 2^12.
 */
import { BILINEAR } from "../src/format";
import * as r from "../src/record";
import { store8 } from "./requantize";
import { blendRows, position } from "./resample";

export function mask(op: usize, width: i32, height: i32, first: i32, end: i32): void {
  const inHeight = load<i32>(op, r.IN_HEIGHT);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const classes = load<i32>(op, r.IN_CHANNELS);
  const logits = load<usize>(op, r.INPUT_AT);
  const edges = load<usize>(op, r.SCRATCH_AT);
  const row = edges + ((4 * (inWidth + 1) + 15) & -16);
  const bytes = load<i32>(op, r.LOGIT_BYTES);
  const fine = bytes == 2 ? r.WIDE_FINE : r.FINE;
  const inRow = inWidth * classes * bytes;
  findEdges(edges, inWidth, width, fine);
  let output = load<usize>(op, r.BAND_AT);
  for (let y = first; y < end; y++) {
    const coordinate = position(y, inHeight, height, BILINEAR, fine);
    const top = coordinate / fine;
    const bottom = min(top + 1, inHeight - 1);
    const upper = load<usize>(op, r.OUTPUT_AT) + top * inWidth;
    const lower = load<usize>(op, r.OUTPUT_AT) + bottom * inWidth;
    let blended = 0;
    // a run of one class begins at column `start`; it is written when it ends
    let start = 0;
    let ground: u8 = 0;
    for (let left = 0; left < inWidth; left++) {
      const right = min(left + 1, inWidth - 1);
      const x = load<i32>(edges + 4 * left);
      const last = load<i32>(edges + 4 * left, 4);
      if (x == last) continue;
      const winner = load<u8>(upper + left);
      const alone =
        winner == load<u8>(upper + right) &&
        winner == load<u8>(lower + left) &&
        winner == load<u8>(lower + right);
      if (alone && winner == ground) continue;
      memory.fill(output + start, ground, x - start);
      if (alone) {
        start = x;
        ground = winner;
        continue;
      }
      start = last;
      blended = max(blended, left);
      if (blended <= right) {
        const skip = blended * classes;
        const upper = logits + skip * bytes + top * inRow;
        const lower = logits + skip * bytes + bottom * inRow;
        const count = (right + 1) * classes - skip;
        const weight = coordinate - top * fine;
        if (bytes == 2) blendRows<i16>(row + 4 * skip, upper, lower, count, weight, fine);
        else blendRows<i8>(row + 4 * skip, upper, lower, count, weight, fine);
        blended = right + 1;
      }
      const from = row + 4 * left * classes;
      const to = row + 4 * right * classes;
      for (let at = x; at < last; at += 4) {
        best4(op, output + at, from, to, left * fine, at, min(4, last - at), width, fine);
      }
    }
    memory.fill(output + start, ground, width - start);
    output += width;
  }
}

/** For each logit column the first mask column that lies between it and the next, then the mask's width. */
function findEdges(edges: usize, inWidth: i32, width: i32, fine: i32): void {
  let x = 0;
  for (let column = 0; column < inWidth; column++) {
    while (x < width && position(x, inWidth, width, BILINEAR, fine) < column * fine) x++;
    store<i32>(edges + 4 * column, x);
  }
  store<i32>(edges + 4 * inWidth, width);
}

/**
 * `count` (1 to 4) of four mask pixels from column `x` on, which lie between the logit column at `base` and the next: for
 * each the index of the largest of left[c] * (fine - weight) + right[c] * weight, the lowest of equal ones.
 */
function best4(
  op: usize,
  output: usize,
  left: usize,
  right: usize,
  base: i32,
  x: i32,
  count: i32,
  width: i32,
  fine: i32,
): void {
  const classes = load<i32>(op, r.IN_CHANNELS);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  if (ASC_FEATURE_SIMD) {
    const weights = i32x4(
      position(x, inWidth, width, BILINEAR, fine) - base,
      position(x + 1, inWidth, width, BILINEAR, fine) - base,
      position(x + 2, inWidth, width, BILINEAR, fine) - base,
      position(x + 3, inWidth, width, BILINEAR, fine) - base,
    );
    const others = i32x4.sub(i32x4.splat(fine), weights);
    let most = i32x4.splat(i32.MIN_VALUE);
    let winners = i32x4.splat(0); // four times the index
    for (let at = 0; at < 4 * classes; at += 4) {
      const sums = i32x4.add(
        i32x4.mul(v128.load32_splat(left + at), others),
        i32x4.mul(v128.load32_splat(right + at), weights),
      );
      winners = i32x4.max_s(winners, v128.and(i32x4.gt_s(sums, most), i32x4.splat(at)));
      most = i32x4.max_s(sums, most);
    }
    const indices = i32x4.shr_u(winners, 2);
    const wide = i16x8.narrow_i32x4_s(indices, indices);
    const bytes = i8x16.narrow_i16x8_u(wide, wide);
    if (count == 4) v128.store32_lane(output, bytes, 0);
    else store8(output, i64x2.extract_lane(bytes, 0), count);
  } else {
    for (let i = 0; i < count; i++) {
      const weight = position(x + i, inWidth, width, BILINEAR, fine) - base;
      store<u8>(output + i, best(left, right, classes, fine - weight, weight));
    }
  }
}

function best(left: usize, right: usize, classes: i32, other: i32, weight: i32): u8 {
  let largest = i32.MIN_VALUE;
  let winner = 0;
  for (let c = 0; c < classes; c++) {
    const sum = load<i32>(left + 4 * c) * other + load<i32>(right + 4 * c) * weight;
    if (sum > largest) {
      largest = sum;
      winner = c;
    }
  }
  return <u8>winner;
}
