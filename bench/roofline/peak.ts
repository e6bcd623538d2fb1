/**
 * The most multiply-accumulates that one core does: twelve chains in registers, no memory.
 * Each chain takes its own sum as an operand, so that no step can be moved out of the loop.
 */

/** DOT_PRODUCT, set by the build: 0 plain; 1 relaxed, in two steps; 2 relaxed, with the addition in the instruction. */
function dot(sum: v128, weights: v128, ones: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (DOT_PRODUCT === 2) return i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, sum, sum);
    return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(weights, sum), ones));
  }
  return i32x4.add(sum, i32x4.dot_i16x8_s(sum, weights));
}

/** Multiply-accumulates of one round of `run`. */
export function macs(): i32 {
  return ASC_FEATURE_RELAXED_SIMD ? 12 * 16 : 12 * 8;
}

/** Does `rounds` rounds. */
export function run(rounds: i32): i32 {
  // of a parameter: some hosts make a constant vector anew at each use
  const weights = i8x16.splat(<i8>rounds);
  const ones = i16x8.splat(<i16>rounds);
  let a = i32x4.splat(1);
  let b = i32x4.splat(2);
  let c = i32x4.splat(3);
  let d = i32x4.splat(4);
  let e = i32x4.splat(5);
  let f = i32x4.splat(6);
  let g = i32x4.splat(7);
  let h = i32x4.splat(8);
  let i = i32x4.splat(9);
  let j = i32x4.splat(10);
  let k = i32x4.splat(11);
  let l = i32x4.splat(12);
  for (; rounds > 0; rounds--) {
    a = dot(a, weights, ones);
    b = dot(b, weights, ones);
    c = dot(c, weights, ones);
    d = dot(d, weights, ones);
    e = dot(e, weights, ones);
    f = dot(f, weights, ones);
    g = dot(g, weights, ones);
    h = dot(h, weights, ones);
    i = dot(i, weights, ones);
    j = dot(j, weights, ones);
    k = dot(k, weights, ones);
    l = dot(l, weights, ones);
  }
  const first = i32x4.add(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)), i32x4.add(e, f));
  const second = i32x4.add(i32x4.add(i32x4.add(g, h), i32x4.add(i, j)), i32x4.add(k, l));
  return i32x4.extract_lane(i32x4.add(first, second), 0);
}
