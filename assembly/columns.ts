/**
 * Depthwise convolution of eight channels, in SIMD builds: `spread` lays the taps of `group` rows of a column side by
 * side, so that one dot product sums them; the tiles sum over groups and columns. Layouts: see depthwise.ts.
 */
import * as r from "../src/record";
import { isRow, pixelAt } from "./depthwise";
import { dot, dotPairs, onesOf, PLAIN, RELAXED, RELAXED_ADD } from "./dot";
import { clamp16, requantize4, rounderOf, shiftOf, store8 } from "./requantize";
import { finish } from "./tiles";

/**
 * Columns of the rows from kernel row `ky` on, sixteen channels from `channel` on. Column 0 is the first tap of output
 * column 0; columns and rows outside the input hold its zero point. Up to 15 bytes beyond the input are read, for
 * channels that do not exist.
 */
export function spread(op: usize, top: i32, ky: i32, channel: i32, columns: i32, to: usize): void {
  const channels = load<i32>(op, r.IN_CHANNELS);
  const outside = load<usize>(op, r.SCRATCH_AT);
  const isPlain = load<i32>(op, r.FORM) == PLAIN;
  const aStep = isTap(op, top, ky) ? channels : 0;
  const bStep = isTap(op, top, ky + 1) ? channels : 0;
  let a = aStep ? tapAt(op, top, ky) + channel : outside;
  let b = bStep ? tapAt(op, top, ky + 1) + channel : outside;
  const end = to + r.COLUMN * columns;
  const start = min(to + r.COLUMN * load<i32>(op, r.PAD_LEFT), end);
  const stop = min(start + r.COLUMN * load<i32>(op, r.IN_WIDTH), end);
  let zeros = v128.load8_splat(outside);
  if (isPlain) zeros = i16x8.extend_low_i8x16_s(zeros);
  for (let at = to; at < start; at += 16) v128.store(at, zeros);
  if (isPlain) {
    for (let at = start; at < stop; at += r.COLUMN) {
      const low = lowPairs(v128.load(a), v128.load(b));
      const high = highPairs(v128.load(a), v128.load(b));
      v128.store(at, i16x8.extend_low_i8x16_s(low));
      v128.store(at, i16x8.extend_high_i8x16_s(low), 16);
      v128.store(at, i16x8.extend_low_i8x16_s(high), 32);
      v128.store(at, i16x8.extend_high_i8x16_s(high), 48);
      a += aStep;
      b += bStep;
    }
  } else {
    const cStep = isTap(op, top, ky + 2) ? channels : 0;
    const dStep = isTap(op, top, ky + 3) ? channels : 0;
    let c = cStep ? tapAt(op, top, ky + 2) + channel : outside;
    let d = dStep ? tapAt(op, top, ky + 3) + channel : outside;
    for (let at = start; at < stop; at += r.COLUMN) {
      const first = v128.load(a);
      const second = v128.load(b);
      const third = v128.load(c);
      const fourth = v128.load(d);
      const low = lowPairs(first, second);
      const below = lowPairs(third, fourth);
      v128.store(at, v128.shuffle<i16>(low, below, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(at, v128.shuffle<i16>(low, below, 4, 12, 5, 13, 6, 14, 7, 15), 16);
      const high = highPairs(first, second);
      const highBelow = highPairs(third, fourth);
      v128.store(at, v128.shuffle<i16>(high, highBelow, 0, 8, 1, 9, 2, 10, 3, 11), 32);
      v128.store(at, v128.shuffle<i16>(high, highBelow, 4, 12, 5, 13, 6, 14, 7, 15), 48);
      a += aStep;
      b += bStep;
      c += cStep;
      d += dStep;
    }
  }
  for (let at = stop; at < end; at += 16) v128.store(at, zeros);
}

/** Whether a row of the input lies under kernel row `ky`, of the first output row or the second. */
function isTap(op: usize, top: i32, ky: i32): bool {
  return (
    ky < load<i32>(op, r.KERNEL_HEIGHT) + load<i32>(op, r.ROWS_AT_ONCE) - 1 &&
    isRow(op, top + ky * load<i32>(op, r.DILATION_Y))
  );
}

/** Address of the first input pixel under kernel row `ky`. */
function tapAt(op: usize, top: i32, ky: i32): usize {
  return pixelAt(op, top + ky * load<i32>(op, r.DILATION_Y), 0);
}

/** The first eight bytes of each, alternating. */
function lowPairs(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/** The last eight bytes of each, alternating. */
function highPairs(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/**
 * `count` of eight channels of `pixels` pixels of an output row.
 *
 * from       the first pixel's first column; pixels lie pixelStep apart, taps tapStep, row bytes in all, groups
 *            groupBytes
 * weights    bias and multipliers of the eight channels likewise
 */
export function columnTiles(
  from: usize,
  pixelStep: i32,
  tapStep: i32,
  row: i32,
  groups: i32,
  groupBytes: i32,
  weights: usize,
  bias: usize,
  multipliers: usize,
  output: usize,
  outputStep: i32,
  pixels: i32,
  count: i32,
  zero: i32,
  low: f32,
  most: i32,
  form: i32,
  tame: bool,
): void {
  const ones = onesOf(form);
  const bias0 = v128.load(bias);
  const bias1 = v128.load(bias, 16);
  const multiplier0 = v128.load(multipliers);
  const multiplier1 = v128.load(multipliers, 16);
  const rounder = rounderOf(zero);
  const shift = shiftOf(zero);
  const least = i8x16.splat(<i8>(<i32>low + zero));
  const highs = i8x16.splat(<i8>most);
  const end = groups * groupBytes;
  for (; tame && pixels >= 4; pixels -= 4) {
    let a0 = bias0;
    let a1 = bias1;
    let b0 = bias0;
    let b1 = bias1;
    let c0 = bias0;
    let c1 = bias1;
    let d0 = bias0;
    let d1 = bias1;
    let weight = weights;
    if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED_ADD) {
      for (let start = from; start < from + end; start += groupBytes) {
        for (let a = start; a < start + row; a += tapStep) {
          const b = a + pixelStep;
          const c = b + pixelStep;
          const d = c + pixelStep;
          const left = v128.load(weight);
          const right = v128.load(weight, 16);
          a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, v128.load(a), a0);
          a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, v128.load(a, 16), a1);
          b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, v128.load(b), b0);
          b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, v128.load(b, 16), b1);
          c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, v128.load(c), c0);
          c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, v128.load(c, 16), c1);
          d0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, v128.load(d), d0);
          d1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, v128.load(d, 16), d1);
          weight += 32;
        }
      }
    } else if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED) {
      for (let start = from; start < from + end; start += groupBytes) {
        for (let a = start; a < start + row; a += tapStep) {
          const b = a + pixelStep;
          const c = b + pixelStep;
          const d = c + pixelStep;
          const left = v128.load(weight);
          const right = v128.load(weight, 16);
          a0 = dotPairs(a0, left, v128.load(a), ones);
          a1 = dotPairs(a1, right, v128.load(a, 16), ones);
          b0 = dotPairs(b0, left, v128.load(b), ones);
          b1 = dotPairs(b1, right, v128.load(b, 16), ones);
          c0 = dotPairs(c0, left, v128.load(c), ones);
          c1 = dotPairs(c1, right, v128.load(c, 16), ones);
          d0 = dotPairs(d0, left, v128.load(d), ones);
          d1 = dotPairs(d1, right, v128.load(d, 16), ones);
          weight += 32;
        }
      }
    } else {
      for (let start = from; start < from + end; start += groupBytes) {
        for (let a = start; a < start + row; a += tapStep) {
          const b = a + pixelStep;
          const c = b + pixelStep;
          const d = c + pixelStep;
          const left = v128.load_ext<i8>(weight);
          const right = v128.load_ext<i8>(weight, 8);
          a0 = dot(a0, v128.load(a), left);
          a1 = dot(a1, v128.load(a, 16), right);
          b0 = dot(b0, v128.load(b), left);
          b1 = dot(b1, v128.load(b, 16), right);
          c0 = dot(c0, v128.load(c), left);
          c1 = dot(c1, v128.load(c, 16), right);
          d0 = dot(d0, v128.load(d), left);
          d1 = dot(d1, v128.load(d, 16), right);
          weight += 16;
        }
      }
    }
    const a = i16x8.narrow_i32x4_s(
      requantize4(a0, multiplier0, rounder, shift),
      requantize4(a1, multiplier1, rounder, shift),
    );
    const b = i16x8.narrow_i32x4_s(
      requantize4(b0, multiplier0, rounder, shift),
      requantize4(b1, multiplier1, rounder, shift),
    );
    const c = i16x8.narrow_i32x4_s(
      requantize4(c0, multiplier0, rounder, shift),
      requantize4(c1, multiplier1, rounder, shift),
    );
    const d = i16x8.narrow_i32x4_s(
      requantize4(d0, multiplier0, rounder, shift),
      requantize4(d1, multiplier1, rounder, shift),
    );
    const ab = clamp16(i8x16.narrow_i16x8_s(a, b), least, highs);
    const cd = clamp16(i8x16.narrow_i16x8_s(c, d), least, highs);
    if (count == 8) {
      v128.store64_lane(output, ab, 0);
      v128.store64_lane(output + outputStep, ab, 1);
      v128.store64_lane(output + 2 * outputStep, cd, 0);
      v128.store64_lane(output + 3 * outputStep, cd, 1);
    } else {
      store8(output, i64x2.extract_lane(ab, 0), count);
      store8(output + outputStep, i64x2.extract_lane(ab, 1), count);
      store8(output + 2 * outputStep, i64x2.extract_lane(cd, 0), count);
      store8(output + 3 * outputStep, i64x2.extract_lane(cd, 1), count);
    }
    from += 4 * pixelStep;
    output += 4 * outputStep;
  }
  for (; pixels > 0; pixels--) {
    columnTile1(
      from,
      tapStep,
      row,
      groups,
      groupBytes,
      weights,
      bias,
      multipliers,
      output,
      count,
      zero,
      low,
      most,
      form,
    );
    from += pixelStep;
    output += outputStep;
  }
}

/** `columnTiles` for one pixel. */
function columnTile1(
  from: usize,
  tapStep: i32,
  row: i32,
  groups: i32,
  groupBytes: i32,
  weights: usize,
  bias: usize,
  multipliers: usize,
  output: usize,
  count: i32,
  zero: i32,
  low: f32,
  most: i32,
  form: i32,
): void {
  const ones = onesOf(form);
  let sum0 = v128.load(bias);
  let sum1 = v128.load(bias, 16);
  for (; groups > 0; groups--) {
    const end = from + row;
    for (let at = from; at < end; at += tapStep) {
      if (ASC_FEATURE_RELAXED_SIMD && form != PLAIN) {
        sum0 = dotPairs(sum0, v128.load(weights), v128.load(at), ones);
        sum1 = dotPairs(sum1, v128.load(weights, 16), v128.load(at, 16), ones);
        weights += 32;
      } else {
        sum0 = dot(sum0, v128.load(at), v128.load_ext<i8>(weights));
        sum1 = dot(sum1, v128.load(at, 16), v128.load_ext<i8>(weights, 8));
        weights += 16;
      }
    }
    from += groupBytes;
  }
  finish(sum0, sum1, multipliers, output, count, zero, low, most);
}
