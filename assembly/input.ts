/**
 * A image of any size as the network's input, q = rgb - 128, resized with an antialiased triangle filter,
 * first across, then down, each pass rounded to 8 bits; weights as in src/format.md, the input image:
 *   result = clamp((2^21 + sum over j of weight[j] * pixel[j]) >> 22, 0, 255)
 *
 * The caller hands over the image row by row, so only the rows under one window are in memory:
 * `imageWeights` once a image, then for every output row `imageRow` for each source row that its window
 * adds, and `imageOutput`.
 *
 * op       the record of input: output int8 [outHeight, outWidth, 3], scratch in three parts (src/plan.ts):
 * staging  uint8 [width, channels]          one source row; channels 1 (grey), 3 (RGB) or 4 (RGB, alpha ignored)
 * weights  i32 { first, count, weight[count] } for each output column, one after the other
 * rows     uint8 [rowCount, outWidth, 3]    source rows resized across; row y lies at y modulo rowCount
 *
 * |sum| < 2^31, since the weights add up to 2^22 within rounding and a pixel is at most 255.
 */
import * as r from "../src/record";

const HALF = 1 << (r.IMAGE_BITS - 1);

/** First source index under the window of output index `i`. */
export function windowFirst(i: i32, from: i32, to: i32): i32 {
  if (from == to) return i;
  const scale = <f64>from / <f64>to;
  return max(0, <i32>((<f64>i + 0.5) * scale - max(scale, 1.0) + 0.5));
}

/** One past the last source index under the window of output index `i`. */
export function windowEnd(i: i32, from: i32, to: i32): i32 {
  if (from == to) return i + 1;
  const scale = <f64>from / <f64>to;
  return min(from, <i32>((<f64>i + 0.5) * scale + max(scale, 1.0) + 0.5));
}

/** Weight of source index `j` for output index `i`, before it is divided by the sum of the window's weights. */
function triangle(i: i32, j: i32, from: i32, to: i32): f64 {
  if (from == to) return 1;
  const scale = <f64>from / <f64>to;
  const support = max(scale, 1.0);
  const center = (<f64>i + 0.5) * scale;
  const inverse = 1.0 / support;
  return max(0.0, 1.0 - abs((<f64>j - center + 0.5) * inverse));
}

/** Sum of the weights of output index `i`. */
function total(i: i32, from: i32, to: i32): f64 {
  let sum: f64 = 0;
  for (let j = windowFirst(i, from, to); j < windowEnd(i, from, to); j++) sum += triangle(i, j, from, to);
  return sum;
}

/** A weight as a fixed-point number of 22 bits. */
function fixed(weight: f64): i32 {
  return <i32>(weight * <f64>(1 << r.IMAGE_BITS) + 0.5);
}

/** Writes the weights across for images `width` pixels wide to address `weights`. */
export function imageWeights(op: usize, width: i32, weights: usize): void {
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  for (let x = 0; x < outWidth; x++) {
    const first = windowFirst(x, width, outWidth);
    const end = windowEnd(x, width, outWidth);
    const sum = total(x, width, outWidth);
    store<i32>(weights, first);
    store<i32>(weights, end - first, 4);
    weights += 8;
    for (let j = first; j < end; j++) {
      store<i32>(weights, fixed(triangle(x, j, width, outWidth) / sum));
      weights += 4;
    }
  }
}

/** Resizes the staged source row across and writes it to address `row`. */
export function imageRow(op: usize, channels: i32, weights: usize, row: usize): void {
  const staging = load<usize>(op, r.SCRATCH_AT);
  const green = channels == 1 ? 0 : 1;
  const blue = channels == 1 ? 0 : 2;
  const end = row + 3 * load<i32>(op, r.OUT_WIDTH);
  for (; row < end; row += 3) {
    let pixel = staging + load<i32>(weights) * channels;
    const last = weights + 8 + 4 * load<i32>(weights, 4);
    weights += 8;
    if (ASC_FEATURE_SIMD && channels > 1) {
      let color = i32x4.splat(HALF);
      for (; weights < last; weights += 4) {
        const levels = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(pixel)));
        color = i32x4.add(color, i32x4.mul(levels, v128.load32_splat(weights)));
        pixel += channels;
      }
      color = i32x4.shr_s(color, r.IMAGE_BITS);
      color = i16x8.narrow_i32x4_s(color, color);
      const bytes = i32x4.extract_lane(i8x16.narrow_i16x8_u(color, color), 0);
      store<u16>(row, <u16>bytes);
      store<u8>(row, <u8>(bytes >> 16), 2);
      continue;
    }
    let red = HALF;
    let greens = HALF;
    let blues = HALF;
    for (; weights < last; weights += 4) {
      const weight = load<i32>(weights);
      red += weight * <i32>load<u8>(pixel);
      greens += weight * <i32>load<u8>(pixel + green);
      blues += weight * <i32>load<u8>(pixel + blue);
      pixel += channels;
    }
    store<u8>(row, level(red));
    store<u8>(row, level(greens), 1);
    store<u8>(row, level(blues), 2);
  }
}

/**
 * Resizes down into row `y` of the output, from source rows of a image of `height` rows. The staged row is
 * overwritten by the weights of this window.
 */
export function imageOutput(op: usize, y: i32, height: i32, rows: usize, rowCount: i32): void {
  const outHeight = load<i32>(op, r.OUT_HEIGHT);
  const rowBytes = 3 * load<i32>(op, r.OUT_WIDTH);
  const output = load<usize>(op, r.OUTPUT_AT) + y * rowBytes;
  const weights = load<usize>(op, r.SCRATCH_AT);
  const first = windowFirst(y, height, outHeight);
  const end = windowEnd(y, height, outHeight);
  const sum = total(y, height, outHeight);
  for (let j = first; j < end; j++) {
    store<i32>(weights + 4 * (j - first), fixed(triangle(y, j, height, outHeight) / sum));
  }
  let at = 0;
  if (ASC_FEATURE_SIMD) {
    if (end - first == 1) {
      // the only weight is 1
      const row = rows + (first % rowCount) * rowBytes;
      for (; at + 16 <= rowBytes; at += 16) {
        v128.store(output + at, v128.xor(v128.load(row + at), i8x16.splat(-128)));
      }
    }
    for (; at + 8 <= rowBytes; at += 8) {
      let left = i32x4.splat(HALF);
      let right = left;
      for (let j = first; j < end; j++) {
        const weight = v128.load32_splat(weights + 4 * (j - first));
        const pixels = v128.load_ext<u8>(rows + (j % rowCount) * rowBytes + at);
        left = i32x4.add(left, i32x4.mul(i32x4.extend_low_i16x8_u(pixels), weight));
        right = i32x4.add(right, i32x4.mul(i32x4.extend_high_i16x8_u(pixels), weight));
      }
      const levels = i16x8.narrow_i32x4_s(i32x4.shr_s(left, r.IMAGE_BITS), i32x4.shr_s(right, r.IMAGE_BITS));
      const bytes = v128.xor(i8x16.narrow_i16x8_u(levels, levels), i8x16.splat(-128));
      v128.store64_lane(output + at, bytes, 0);
    }
  }
  for (; at < rowBytes; at++) {
    let value = HALF;
    for (let j = first; j < end; j++) {
      value += load<i32>(weights + 4 * (j - first)) * <i32>load<u8>(rows + (j % rowCount) * rowBytes + at);
    }
    store<i8>(output + at, <i32>level(value) - 128);
  }
}

/** A fixed-point sum as a level of 0..255. */
function level(sum: i32): u8 {
  return <u8>max(0, min(255, sum >> r.IMAGE_BITS));
}
