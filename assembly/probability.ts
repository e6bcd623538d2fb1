/**
 * Probability of a class, or of the one that wins, at every pixel of the mask (src/format.md, Probabilities):
 *   p = floor((510 T[m - q[c]] + Z) / (2 Z)) at each pixel of the logits, m the largest of them, Z the sum over all
 *   classes of T[m - q], T[d] = floor(2^20 exp(-scale * d) + 1/2); between pixels bilinear in 1/2048, rounded
 * of wide logits T[d] = floor(A[floor(d / 32)] B[d mod 32] / 2^10), A[i] = floor(2^20 exp(-scale * 32 i) + 1/2),
 *   B[i] = floor(2^10 exp(-scale * i) + 1/2)
 *
 * op      the record of argmax: logits int8, or int16 where they are wide, [inHeight, inWidth, classes]
 * which   the class, or -1 for the one that wins
 * width   of the mask, height likewise, pixels
 * band    uint8 [end - first, width]   receives rows first..end
 * table   i32 [256], [32]              T or A, B, in the scratch
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
  const scale = <f64>load<f32>(op, r.LOGIT_SCALE);
  fillTable(table, 256, scale, load<i32>(op, r.LOGIT_BYTES) == 2 ? 32 : 1, 1048576.0);
  fillTable(table + r.FINE_TABLE, 32, scale, 1, 1024.0);
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
  const bytes = load<i32>(op, r.LOGIT_BYTES);
  let pixel = load<usize>(op, r.INPUT_AT) + row * width * classes * bytes;
  for (let x = 0; x < width; x++) {
    const chance =
      bytes == 2 ? chanceOf<i16>(table, pixel, classes, which) : chanceOf<i8>(table, pixel, classes, which);
    store<u8>(output + x, chance);
    pixel += classes * bytes;
  }
}

/** The probability at one pixel, 0..255, from its logits of type T. */
function chanceOf<T>(table: usize, logits: usize, classes: i32, which: i32): i32 {
  let most = <i32>load<T>(logits);
  for (let c = 1; c < classes; c++) most = max(most, <i32>load<T>(logits + sizeof<T>() * c));
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += share<T>(table, logits, c, most);
  const own = which < 0 ? 1 << 20 : share<T>(table, logits, which, most);
  return (510 * own + sum) / (2 * sum);
}

/** T[m - q] of one class. */
function share<T>(table: usize, logits: usize, c: i32, most: i32): i32 {
  const apart = most - <i32>load<T>(logits + sizeof<T>() * c);
  if (sizeof<T>() == 1) return load<i32>(table + 4 * apart);
  return (load<i32>(table + 4 * (apart >> 5)) * load<i32>(table + 4 * (apart & 31), r.FINE_TABLE)) >> 10;
}

/** floor(one * exp(-scale * step * i) + 1/2) for each i below `count`. */
function fillTable(table: usize, count: i32, scale: f64, step: i32, one: f64): void {
  for (let i = 0; i < count; i++) {
    store<i32>(table + 4 * i, <i32>(one * decay(scale * (step * i)) + 0.5));
  }
}

/** exp(-x) in steps that every host takes alike. */
function decay(x: f64): f64 {
  const u = min(x, 64.0) / 1024.0;
  let y: f64 = 1.0 - u * (1.0 - (u / 2.0) * (1.0 - (u / 3.0) * (1.0 - u / 4.0)));
  for (let step = 0; step < 10; step++) y *= y;
  return y;
}
