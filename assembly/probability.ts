/**
 * Probability of a class, or of the one that wins, at every pixel of the mask (src/format.md, Probabilities):
 *   p = floor((510 T[m - q[c]] + Z) / (2 Z)) at each pixel of the logits, m the largest of them, Z the sum over all
 *   classes of T[m - q], T[d] = floor(2^20 exp(-scale * d) + 1/2); between pixels bilinear as the mask, rounded
 *
 * op      the record of argmax: logits int8 [inHeight, inWidth, classes]
 * which   the class, or -1 for the one that wins
 * width   of the mask, height likewise, pixels
 * band    uint8 [end - first, width]   receives rows first..end
 * table   i32 [256]                    T, in the scratch
 * row     i32 [inWidth + 1]            between two rows of logits; the last has no weight
 * upper   uint8 [inWidth], lower likewise: probabilities of the two rows of logits
 *
 * 510 T + Z < 2^30, since T <= 2^20 and Z <= 2^28; the blend of 255 is below 2^30.
 */
import { BILINEAR } from "../src/format";
import * as r from "../src/record";
import { position } from "./resample";

export function probability(op: usize, which: i32, width: i32, height: i32, first: i32, end: i32): void {
  const inHeight = load<i32>(op, r.IN_HEIGHT);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const table = load<usize>(op, r.SCRATCH_AT);
  const row = table + r.TABLE_BYTES;
  let upper = row + 4 * (inWidth + 1);
  let lower = upper + inWidth;
  fillTable(table, load<f32>(op, r.LOGIT_SCALE));
  store<i32>(row + 4 * inWidth, 0);
  // rows of logits that `upper` and `lower` hold
  let top = -1;
  let bottom = -1;
  let output = load<usize>(op, r.BAND_AT);
  for (let y = first; y < end; y++) {
    const down = position(y, inHeight, height, BILINEAR, r.FINE);
    const above = down / r.FINE;
    if (above != top) {
      const other = upper;
      upper = lower;
      lower = other;
      if (above != bottom) softmax(op, table, which, above, upper);
      top = above;
      bottom = -1;
    }
    const below = min(above + 1, inHeight - 1);
    if (below != bottom) softmax(op, table, which, below, lower);
    bottom = below;
    const weight = down - above * r.FINE;
    for (let x = 0; x < inWidth; x++) {
      const blend = load<u8>(upper + x) * (r.FINE - weight) + load<u8>(lower + x) * weight;
      store<i32>(row + 4 * x, blend);
    }
    for (let x = 0; x < width; x++) {
      const across = position(x, inWidth, width, BILINEAR, r.FINE);
      const left = across / r.FINE;
      const at = row + 4 * left;
      const share = across - left * r.FINE;
      const sum = load<i32>(at) * (r.FINE - share) + load<i32>(at, 4) * share;
      store<u8>(output + x, (sum + r.FINE * (r.FINE / 2)) / (r.FINE * r.FINE));
    }
    output += width;
  }
}

/** Probabilities of one row of logits. */
function softmax(op: usize, table: usize, which: i32, row: i32, output: usize): void {
  const width = load<i32>(op, r.IN_WIDTH);
  const classes = load<i32>(op, r.IN_CHANNELS);
  let pixel = load<usize>(op, r.INPUT_AT) + row * width * classes;
  for (let x = 0; x < width; x++) {
    let most = -128;
    for (let c = 0; c < classes; c++) most = max(most, <i32>load<i8>(pixel + c));
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += load<i32>(table + 4 * (most - load<i8>(pixel + c)));
    const own = which < 0 ? 0 : most - load<i8>(pixel + which);
    store<u8>(output + x, (510 * load<i32>(table + 4 * own) + sum) / (2 * sum));
    pixel += classes;
  }
}

function fillTable(table: usize, scale: f32): void {
  for (let d = 0; d < 256; d++) {
    store<i32>(table + 4 * d, <i32>(1048576.0 * decay(<f64>scale * d) + 0.5));
  }
}

/** exp(-x) in steps that every host takes alike. */
function decay(x: f64): f64 {
  const u = min(x, 64.0) / 1024.0;
  let y: f64 = 1.0 - u * (1.0 - (u / 2.0) * (1.0 - (u / 3.0) * (1.0 - u / 4.0)));
  for (let step = 0; step < 10; step++) y *= y;
  return y;
}
