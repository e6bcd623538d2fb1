/**
 * Positions of bilinear resampling with half-pixel centers, aligned or equal corners: see src/format.md, resize.
 * Output index `i` of `to` reads pixels `first` and `first + 1` of `from`, with weights
 * (denominator - weight) and weight.
 */
import { BILINEAR, BILINEAR_ASYMMETRIC } from "../src/format";
import { FINE } from "../src/record";

/** Denominator of the weights along one axis. */
export function denominatorOf(mode: i32, from: i32, to: i32): i32 {
  if (mode == BILINEAR && to == 2 * from) return 4;
  if (mode == BILINEAR && to == 4 * from) return 8;
  return FINE;
}

/** floor(p * denominator + 1 / 2) of the real position p, kept within 0..(from - 1) * denominator. */
export function position(i: i32, from: i32, to: i32, mode: i32, denominator: i32): i32 {
  let numerator: i64;
  let divisor: i64;
  if (mode == BILINEAR) {
    numerator = <i64>(2 * i + 1) * from - to;
    divisor = 2 * <i64>to;
  } else if (mode == BILINEAR_ASYMMETRIC) {
    numerator = <i64>i * from;
    divisor = to;
  } else {
    numerator = <i64>i * (from - 1);
    divisor = max<i64>(to - 1, 1);
  }
  if (numerator <= 0) return 0;
  const coordinate = (2 * numerator * denominator + divisor) / (2 * divisor);
  return min(<i32>coordinate, (from - 1) * denominator);
}

/**
 * Blends two rows of int8 or int16 (T) into int32: to[i] = first[i] * (denominator - weight) + second[i] * weight.
 * Up to 7 elements beyond `count` are read and written.
 */
export function blendRows<T>(
  to: usize,
  first: usize,
  second: usize,
  count: i32,
  weight: i32,
  denominator: i32,
): void {
  if (ASC_FEATURE_SIMD) {
    const factors = v128.or(i32x4.splat(denominator - weight), i32x4.shl(i32x4.splat(weight), 16));
    for (let i = 0; i < count; i += 8) {
      const a = load8<T>(first + sizeof<T>() * i);
      const b = load8<T>(second + sizeof<T>() * i);
      const low = v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      const high = v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
      v128.store(to + 4 * i, i32x4.dot_i16x8_s(low, factors));
      v128.store(to + 4 * i, i32x4.dot_i16x8_s(high, factors), 16);
    }
  } else {
    for (let i = 0; i < count; i++) {
      const a = <i32>load<T>(first + sizeof<T>() * i);
      const b = <i32>load<T>(second + sizeof<T>() * i);
      store<i32>(to + 4 * i, a * (denominator - weight) + b * weight);
    }
  }
}

/** Eight values as i16x8. */
function load8<T>(at: usize): v128 {
  return sizeof<T>() == 2 ? v128.load(at) : v128.load_ext<i8>(at);
}
