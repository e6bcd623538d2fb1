/**
 * The inner part of matmul in SIMD builds: eight output channels of four pixels at a time, so that 8 sums, 2 weights
 * and 1 input stay in registers. In form PLAIN input and weights are int16, else int8; four bytes of input meet 32 of
 * weights. The rest is as in matmul.
 */
import { dot, dotPairs, onesOf, PLAIN, RELAXED, RELAXED_ADD } from "./dot";
import { clamp16, requantize4, round4, rounderOf, shiftOf, store8 } from "./requantize";

/**
 * `count` of eight output channels of `pixels` pixels. In form PLAIN the input of a pixel may lie
 * in `rows` rows of `depth` values (an even number), rowStep bytes apart; else there is one.
 */
export function tiles(
  input: usize,
  inputStep: i32,
  pixels: i32,
  depth: i32,
  rows: i32,
  rowStep: i32,
  weights: usize,
  bias: usize,
  multipliers: usize,
  output: usize,
  outputStep: i32,
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
  const bytes = form == PLAIN ? 2 * depth : depth;
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
    let second = input + inputStep;
    let third = second + inputStep;
    let fourth = third + inputStep;
    const end = input + bytes;
    if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED_ADD) {
      let from = input;
      for (let row = 0; row < rows; row++) {
        second = from + inputStep;
        third = second + inputStep;
        fourth = third + inputStep;
        for (let at = from; at < from + bytes; at += 4) {
          const left = v128.load(weight);
          const right = v128.load(weight, 16);
          let values = v128.load32_splat(at);
          a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, values, a0);
          a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, values, a1);
          values = v128.load32_splat(second);
          b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, values, b0);
          b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, values, b1);
          values = v128.load32_splat(third);
          c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, values, c0);
          c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, values, c1);
          values = v128.load32_splat(fourth);
          d0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(left, values, d0);
          d1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(right, values, d1);
          weight += 32;
          second += 4;
          third += 4;
          fourth += 4;
        }
        from += rowStep;
      }
    } else if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED) {
      for (let at = input; at < end; at += 4) {
        const left = v128.load(weight);
        const right = v128.load(weight, 16);
        let values = v128.load32_splat(at);
        a0 = dotPairs(a0, left, values, ones);
        a1 = dotPairs(a1, right, values, ones);
        values = v128.load32_splat(second);
        b0 = dotPairs(b0, left, values, ones);
        b1 = dotPairs(b1, right, values, ones);
        values = v128.load32_splat(third);
        c0 = dotPairs(c0, left, values, ones);
        c1 = dotPairs(c1, right, values, ones);
        values = v128.load32_splat(fourth);
        d0 = dotPairs(d0, left, values, ones);
        d1 = dotPairs(d1, right, values, ones);
        weight += 32;
        second += 4;
        third += 4;
        fourth += 4;
      }
    } else {
      let from = input;
      for (let row = 0; row < rows; row++) {
        second = from + inputStep;
        third = second + inputStep;
        fourth = third + inputStep;
        for (let at = from; at < from + bytes; at += 4) {
          const left = v128.load(weight);
          const right = v128.load(weight, 16);
          let values = v128.load32_splat(at);
          a0 = dot(a0, values, left);
          a1 = dot(a1, values, right);
          values = v128.load32_splat(second);
          b0 = dot(b0, values, left);
          b1 = dot(b1, values, right);
          values = v128.load32_splat(third);
          c0 = dot(c0, values, left);
          c1 = dot(c1, values, right);
          values = v128.load32_splat(fourth);
          d0 = dot(d0, values, left);
          d1 = dot(d1, values, right);
          weight += 32;
          second += 4;
          third += 4;
          fourth += 4;
        }
        from += rowStep;
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
    input += 4 * inputStep;
    output += 4 * outputStep;
  }
  for (; pixels > 0; pixels--) {
    tile1(input, depth, rows, rowStep, weights, bias, multipliers, output, count, zero, low, most, form);
    input += inputStep;
    output += outputStep;
  }
}

/** `tiles` for one pixel. */
function tile1(
  input: usize,
  depth: i32,
  rows: i32,
  rowStep: i32,
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
  const bytes = form == PLAIN ? 2 * depth : depth;
  for (; rows > 0; rows--) {
    for (let at = input; at < input + bytes; at += 4) {
      const values = v128.load32_splat(at);
      if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED_ADD) {
        sum0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(weights), values, sum0);
        sum1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(weights, 16), values, sum1);
      } else if (ASC_FEATURE_RELAXED_SIMD && form == RELAXED) {
        sum0 = dotPairs(sum0, v128.load(weights), values, ones);
        sum1 = dotPairs(sum1, v128.load(weights, 16), values, ones);
      } else {
        sum0 = dot(sum0, values, v128.load(weights));
        sum1 = dot(sum1, values, v128.load(weights, 16));
      }
      weights += 32;
    }
    input += rowStep;
  }
  finish(sum0, sum1, multipliers, output, count, zero, low, most);
}

/** Requantises and stores `count` of eight sums. */
export function finish(
  sum0: v128,
  sum1: v128,
  multipliers: usize,
  output: usize,
  count: i32,
  zero: i32,
  low: f32,
  most: i32,
): void {
  const lows = f32x4.splat(low);
  const rounder = rounderOf(zero);
  const shift = shiftOf(zero);
  const first = f32x4.mul(f32x4.convert_i32x4_s(sum0), v128.load(multipliers));
  const second = f32x4.mul(f32x4.convert_i32x4_s(sum1), v128.load(multipliers, 16));
  const wide = i16x8.narrow_i32x4_s(
    round4(f32x4.pmax(first, lows), rounder, shift),
    round4(f32x4.pmax(second, lows), rounder, shift),
  );
  const bytes = i8x16.min_s(i8x16.narrow_i16x8_s(wide, wide), i8x16.splat(<i8>most));
  store8(output, i64x2.extract_lane(bytes, 0), count);
}
