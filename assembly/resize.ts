/**
 * Upsamples or shrinks a plane, nearest or bilinear; positions and weights as in src/format.md, resize:
 *   nearest   output[y, x, c] = requantize(input[y * inHeight / outHeight, x * inWidth / outWidth, c] - zero,
 *                                          multiplier)
 *   bilinear  output[y, x, c] = requantize(weighted sum of four neighbours - denominators * zero, multiplier)
 *
 * input       int8 [inHeight, inWidth, channels]
 * multiplier  f32            input scale / output scale, for bilinear divided by both denominators
 * output      int8 [outHeight, outWidth, channels]
 * scratch     i32 [inWidth, channels]   one row between two rows (bilinear), then
 *             i32 [outWidth, 2]         where each column lies in it
 *
 * |sum| < 2^30, since the weights of four neighbours add up to at most 2^22 and |input| <= 2^7.
 */
import { NEAREST } from "../src/format";
import * as r from "../src/record";
import { narrow8, requantize, requantize4, rounderOf, shiftOf, store4, store8 } from "./requantize";
import { blendRows, denominatorOf, position } from "./resample";

export function resize(op: usize, first: i32, end: i32): void {
  if (load<i32>(op, r.MODE) == NEAREST) nearestRows(op, first, end);
  else bilinearRows(op, first, end);
}

function nearestRows(op: usize, first: i32, end: i32): void {
  const inHeight = load<i32>(op, r.IN_HEIGHT);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const outHeight = load<i32>(op, r.OUT_HEIGHT);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const multiplier = load<f32>(op, r.MULTIPLIER);
  const zero = load<i32>(op, r.ZERO);
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const high = <f32>(load<i32>(op, r.MAX) - outZero);
  let output = load<usize>(op, r.OUTPUT_AT) + first * outWidth * channels;
  for (let y = first; y < end; y++) {
    const row = (y * inHeight) / outHeight;
    for (let x = 0; x < outWidth; x++) {
      const column = (x * inWidth) / outWidth;
      const input = load<usize>(op, r.INPUT_AT) + (row * inWidth + column) * channels;
      for (let channel = 0; channel < channels; channel++) {
        const value = requantize(load<i8>(input + channel) - zero, multiplier, low, high, outZero);
        store<i8>(output + channel, value);
      }
      output += channels;
    }
  }
}

function bilinearRows(op: usize, first: i32, end: i32): void {
  const mode = load<i32>(op, r.MODE);
  const inHeight = load<i32>(op, r.IN_HEIGHT);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const outHeight = load<i32>(op, r.OUT_HEIGHT);
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const down = denominatorOf(mode, inHeight, outHeight);
  const blended = load<usize>(op, r.SCRATCH_AT);
  const inRow = inWidth * channels;
  const outRow = load<i32>(op, r.OUT_WIDTH) * channels;
  const columns = blended + 4 * ((inRow + 7) & -8);
  findColumns(op, columns);
  let output = load<usize>(op, r.OUTPUT_AT) + first * outRow;
  for (let y = first; y < end; y++) {
    const coordinate = position(y, inHeight, outHeight, mode, down);
    const row = coordinate / down;
    const upper = load<usize>(op, r.INPUT_AT) + row * inRow;
    const lower = row + 1 < inHeight ? upper + inRow : upper;
    blendRows<i8>(blended, upper, lower, inRow, coordinate - row * down, down);
    blendColumns(op, blended, columns, down, output);
    output += outRow;
  }
}

/** For each output column the offset of its left neighbour in the blended row and the weight of the right one, i32. */
function findColumns(op: usize, to: usize): void {
  const mode = load<i32>(op, r.MODE);
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const across = denominatorOf(mode, inWidth, outWidth);
  for (let x = 0; x < outWidth; x++) {
    const spot = position(x, inWidth, outWidth, mode, across);
    const column = spot / across;
    store<i32>(to + 8 * x, 4 * column * load<i32>(op, r.OUT_CHANNELS));
    store<i32>(to + 8 * x, spot - column * across, 4);
  }
}

/** One output row from a blended row of the input. */
function blendColumns(op: usize, blended: usize, columns: usize, down: i32, output: usize): void {
  const inWidth = load<i32>(op, r.IN_WIDTH);
  const outWidth = load<i32>(op, r.OUT_WIDTH);
  const channels = load<i32>(op, r.OUT_CHANNELS);
  const across = denominatorOf(load<i32>(op, r.MODE), inWidth, outWidth);
  const last = 4 * (inWidth - 1) * channels;
  const multiplier = load<f32>(op, r.MULTIPLIER) / <f32>(down * across);
  const zero = load<i32>(op, r.ZERO) * down * across;
  const outZero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - outZero);
  const most = load<i32>(op, r.MAX);
  const isFast = load<i32>(op, r.FAST_ROUNDING) != 0;
  for (let x = 0; x < outWidth; x++) {
    const offset = load<i32>(columns + 8 * x);
    const weight = load<i32>(columns + 8 * x, 4);
    const left = blended + offset;
    const right = offset < last ? left + 4 * channels : left;
    let channel = 0;
    if (ASC_FEATURE_SIMD && isFast) {
      const leftWeight = i32x4.splat(across - weight);
      const rightWeight = i32x4.splat(weight);
      const zeros = i32x4.splat(zero);
      const multipliers = f32x4.splat(multiplier);
      const least = i8x16.splat(<i8>load<i32>(op, r.MIN));
      const rounder = rounderOf(outZero);
      const shift = shiftOf(outZero);
      const highs = i8x16.splat(<i8>most);
      // lanes beyond the pixel's channels hold what lies behind it in scratch memory, and are not stored
      for (; channel < channels; channel += 8) {
        const at = 4 * channel;
        const a = i32x4.add(
          i32x4.mul(v128.load(left + at), leftWeight),
          i32x4.mul(v128.load(right + at), rightWeight),
        );
        const first = requantize4(i32x4.sub(a, zeros), multipliers, rounder, shift);
        if (channel + 4 >= channels) {
          const bytes = i32x4.extract_lane(narrow8(first, first, least, highs), 0);
          store4(output + channel, bytes, channels - channel);
          continue;
        }
        const b = i32x4.add(
          i32x4.mul(v128.load(left + at, 16), leftWeight),
          i32x4.mul(v128.load(right + at, 16), rightWeight),
        );
        const second = requantize4(i32x4.sub(b, zeros), multipliers, rounder, shift);
        store8(
          output + channel,
          i64x2.extract_lane(narrow8(first, second, least, highs), 0),
          channels - channel,
        );
      }
    }
    for (; channel < channels; channel++) {
      const at = 4 * channel;
      const sum = load<i32>(left + at) * (across - weight) + load<i32>(right + at) * weight;
      store<i8>(output + channel, requantize(sum - zero, multiplier, low, <f32>(most - outZero), outZero));
    }
    output += channels;
  }
}
