/**
 * The inner part of all convolutions in SIMD builds: eight output channels of four pixels at a time, so that 8 sums, 2
 * weights and 1 input stay in registers.
 *
 * A pixel's input lies in runs of RUN_BYTES bytes, RUN_STEP apart: one (Joined) or RUNS. A step at a time meets the
 * weights of eight channels: one group of values, which all channels share (Joined, Apart), or a column, which has a group
 * for each channel (Columns). The next pixel's input lies PIXEL_STEP further. Weights are int16 or int8 as the dot product
 * takes them, but int8 for Columns always.
 */
import { ACTIVATION_ENTRIES } from "../src/format";
import * as r from "../src/record";
import { dot, groupOf, onesOf } from "./dot";
import { clamp16, requantize4, round4, rounderOf, shiftOf, store8 } from "./requantize";

/** What pixels consist of, as type parameters like the kinds of dot product. */
export type Joined = i8;
export type Columns = i16;
export type Apart = i32;

/** Added to the number of channels where results are not int8 as they are. */
const SPECIAL = 16;
/** The record of the operation that is computed. */
let current: usize = 0;

/**
 * `count` of eight output channels of `pixels` pixels, which lie as far apart as all output channels of `op` take.
 *
 * @param block of the eight channels: biases and multipliers, see src/pack.ts
 * @param weights of these channels
 */
export function tiles<F, S>(
  op: usize,
  input: usize,
  pixels: i32,
  block: usize,
  weights: usize,
  output: usize,
  count: i32,
): void {
  // so that the loop holds neither the record nor another flag in a register
  current = op;
  if (!isPlainOf(op)) count += SPECIAL;
  const outputStep = load<i32>(op, r.OUT_CHANNELS) * load<i32>(op, r.VALUE_BYTES);
  const pixelStep = load<i32>(op, r.PIXEL_STEP);
  const runs = runsOf<S>(op);
  const runBytes = load<i32>(op, r.RUN_BYTES);
  const runStep = load<i32>(op, r.RUN_STEP);
  const step = tapStepOf<S>(op);
  const zero = load<i32>(op, r.OUT_ZERO);
  const ones = onesOf(op);
  const bias0 = v128.load(block);
  const bias1 = v128.load(block, 16);
  const multiplier0 = v128.load(block, 32);
  const multiplier1 = v128.load(block, 48);
  const rounder = rounderOf(zero);
  const shift = shiftOf(zero);
  const least = i8x16.splat(<i8>load<i32>(op, r.MIN));
  const most = i8x16.splat(<i8>load<i32>(op, r.MAX));
  const isFast = load<i32>(op, r.FAST_ROUNDING) != 0;
  for (; isFast && pixels >= 4; pixels -= 4) {
    let a0 = bias0;
    let a1 = bias1;
    let b0 = bias0;
    let b1 = bias1;
    let c0 = bias0;
    let c1 = bias1;
    let d0 = bias0;
    let d1 = bias1;
    let weight = weights;
    let from = input;
    for (let run = 0; run < runs; run++) {
      let b = from + pixelStep;
      let c = b + pixelStep;
      let d = c + pixelStep;
      for (let a = from; a < from + runBytes; a += step) {
        const left = leftWeights<F, S>(weight);
        const right = rightWeights<F, S>(weight);
        let values = leftValues<S>(a);
        a0 = dot<F>(a0, left, values, ones);
        a1 = dot<F>(a1, right, rightValues<S>(a, values), ones);
        values = leftValues<S>(b);
        b0 = dot<F>(b0, left, values, ones);
        b1 = dot<F>(b1, right, rightValues<S>(b, values), ones);
        values = leftValues<S>(c);
        c0 = dot<F>(c0, left, values, ones);
        c1 = dot<F>(c1, right, rightValues<S>(c, values), ones);
        values = leftValues<S>(d);
        d0 = dot<F>(d0, left, values, ones);
        d1 = dot<F>(d1, right, rightValues<S>(d, values), ones);
        weight += weightsStep<F, S>();
        b += step;
        c += step;
        d += step;
      }
      from += runStep;
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
    const ab = clamp16(i8x16.narrow_i16x8_s(a, b), least, most);
    const cd = clamp16(i8x16.narrow_i16x8_s(c, d), least, most);
    if (count == r.BLOCK) {
      v128.store64_lane(output, ab, 0);
      v128.store64_lane(output + outputStep, ab, 1);
      v128.store64_lane(output + 2 * outputStep, cd, 0);
      v128.store64_lane(output + 3 * outputStep, cd, 1);
    } else if (count > SPECIAL) {
      finish(output, a, count - SPECIAL);
      finish(output + outputStep, b, count - SPECIAL);
      finish(output + 2 * outputStep, c, count - SPECIAL);
      finish(output + 3 * outputStep, d, count - SPECIAL);
    } else {
      store8(output, i64x2.extract_lane(ab, 0), count);
      store8(output + outputStep, i64x2.extract_lane(ab, 1), count);
      store8(output + 2 * outputStep, i64x2.extract_lane(cd, 0), count);
      store8(output + 3 * outputStep, i64x2.extract_lane(cd, 1), count);
    }
    input += 4 * pixelStep;
    output += 4 * outputStep;
  }
  for (; pixels > 0; pixels--) {
    tile1<F, S>(op, input, block, weights, output, count % SPECIAL);
    input += pixelStep;
    output += outputStep;
  }
}

/** `tiles` for one pixel, safe for fast rounding or not. */
function tile1<F, S>(op: usize, input: usize, block: usize, weights: usize, output: usize, count: i32): void {
  const runBytes = load<i32>(op, r.RUN_BYTES);
  const step = tapStepOf<S>(op);
  const ones = onesOf(op);
  let sum0 = v128.load(block);
  let sum1 = v128.load(block, 16);
  for (let run = runsOf<S>(op); run > 0; run--) {
    for (let at = input; at < input + runBytes; at += step) {
      const values = leftValues<S>(at);
      sum0 = dot<F>(sum0, leftWeights<F, S>(weights), values, ones);
      sum1 = dot<F>(sum1, rightWeights<F, S>(weights), rightValues<S>(at, values), ones);
      weights += weightsStep<F, S>();
    }
    input += load<i32>(op, r.RUN_STEP);
  }
  const zero = load<i32>(op, r.OUT_ZERO);
  const rounder = rounderOf(zero);
  const shift = shiftOf(zero);
  const low = f32x4.splat(<f32>(load<i32>(op, r.MIN) - zero));
  const first = f32x4.mul(f32x4.convert_i32x4_s(sum0), v128.load(block, 32));
  const second = f32x4.mul(f32x4.convert_i32x4_s(sum1), v128.load(block, 48));
  const results = i16x8.narrow_i32x4_s(
    round4(f32x4.pmax(first, low), rounder, shift),
    round4(f32x4.pmax(second, low), rounder, shift),
  );
  if (!isPlainOf(op)) {
    finish(output, results, count);
    return;
  }
  const least = i8x16.splat(<i8>load<i32>(op, r.MIN));
  const most = i8x16.splat(<i8>load<i32>(op, r.MAX));
  const bytes = clamp16(i8x16.narrow_i16x8_s(results, results), least, most);
  store8(output, i64x2.extract_lane(bytes, 0), count);
}

/** Whether results are int8 as they are: no activation, no wide logits. */
function isPlainOf(op: usize): bool {
  return load<i32>(op, r.VALUE_BYTES) == 1 && load<usize>(op, r.TABLE_AT) == 0;
}

/** Stores what the table makes of the first `count` of eight int16, or themselves, clamped to the operation's bounds. */
function finish(output: usize, values: v128, count: i32): void {
  const op = current;
  const least = i16x8.splat(<i16>load<i32>(op, r.MIN));
  const most = i16x8.splat(<i16>load<i32>(op, r.MAX));
  const clamped = i16x8.min_s(i16x8.max_s(values, least), most);
  const table = load<usize>(op, r.TABLE_AT);
  if (table) {
    const places = i16x8.add(clamped, i16x8.splat(<i16>(ACTIVATION_ENTRIES / 2)));
    lookUp4(output, table, i64x2.extract_lane(places, 0), count);
    if (count > 4) lookUp4(output + 4, table, i64x2.extract_lane(places, 1), count - 4);
    return;
  }
  store8(output, i64x2.extract_lane(clamped, 0), 2 * count);
  if (count > 4) store8(output + 8, i64x2.extract_lane(clamped, 1), 2 * count - 8);
}

/** Stores the entries of a table at the first `count` of four places, 16 bits each. */
function lookUp4(output: usize, table: usize, places: i64, count: i32): void {
  if (count >= 4) {
    store<u8>(output, load<u8>(table + <usize>(places & 0xffff)));
    store<u8>(output, load<u8>(table + <usize>((places >> 16) & 0xffff)), 1);
    store<u8>(output, load<u8>(table + <usize>((places >> 32) & 0xffff)), 2);
    store<u8>(output, load<u8>(table + <usize>(places >> 48)), 3);
    return;
  }
  for (let i = 0; i < count; i++) {
    store<u8>(output + i, load<u8>(table + <usize>(places & 0xffff)));
    places >>= 16;
  }
}

function runsOf<S>(op: usize): i32 {
  return sizeof<S>() == sizeof<Joined>() ? 1 : load<i32>(op, r.RUNS);
}

/** Bytes from the input that meets eight channels' weights to the next. */
function tapStepOf<S>(op: usize): i32 {
  return sizeof<S>() == sizeof<Columns>() ? r.COLUMN * load<i32>(op, r.DILATION_X) : 4;
}

function leftValues<S>(at: usize): v128 {
  return sizeof<S>() == sizeof<Columns>() ? v128.load(at) : v128.load32_splat(at);
}

function rightValues<S>(at: usize, left: v128): v128 {
  return sizeof<S>() == sizeof<Columns>() ? v128.load(at, 16) : left;
}

/** Whether weights have yet to be widened. */
function isNarrow<F, S>(): bool {
  return sizeof<S>() == sizeof<Columns>() && groupOf<F>() == 2;
}

function leftWeights<F, S>(at: usize): v128 {
  return isNarrow<F, S>() ? v128.load_ext<i8>(at) : v128.load(at);
}

function rightWeights<F, S>(at: usize): v128 {
  return isNarrow<F, S>() ? v128.load_ext<i8>(at, 8) : v128.load(at, 16);
}

function weightsStep<F, S>(): i32 {
  return isNarrow<F, S>() ? 16 : 32;
}
