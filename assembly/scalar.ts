/** The inner part of dense convolutions in builds without SIMD: four output channels of a pixel at a time. */
import * as r from "../src/record";
import { put, requantize } from "./requantize";

/**
 * `count` of eight output channels of one pixel, whose input lies in `runs` runs of `runBytes` bytes, runStep apart, as
 * values of type T; weights of padding channels are there and zero.
 *
 * @param block of the eight channels, weights [depth / 2][8][2]: see src/pack.ts
 */
export function pixel<T>(
  op: usize,
  input: usize,
  runs: i32,
  runBytes: i32,
  runStep: i32,
  block: usize,
  output: usize,
  count: i32,
): void {
  const zero = load<i32>(op, r.OUT_ZERO);
  const low = <f32>(load<i32>(op, r.MIN) - zero);
  const high = <f32>(load<i32>(op, r.MAX) - zero);
  const bytes = load<i32>(op, r.VALUE_BYTES);
  let weights = block + r.BLOCK_HEAD;
  for (let channel = 0; channel < count; channel += 4) {
    let a = load<i32>(block);
    let b = load<i32>(block, 4);
    let c = load<i32>(block, 8);
    let d = load<i32>(block, 12);
    let weight = weights;
    let start = input;
    for (let run = 0; run < runs; run++) {
      for (let from = start; from < start + runBytes; from += 2 * sizeof<T>()) {
        const even = <i32>load<T>(from);
        const odd = <i32>load<T>(from, sizeof<T>());
        a += even * <i32>load<i8>(weight) + odd * <i32>load<i8>(weight, 1);
        b += even * <i32>load<i8>(weight, 2) + odd * <i32>load<i8>(weight, 3);
        c += even * <i32>load<i8>(weight, 4) + odd * <i32>load<i8>(weight, 5);
        d += even * <i32>load<i8>(weight, 6) + odd * <i32>load<i8>(weight, 7);
        weight += 2 * r.BLOCK;
      }
      start += runStep;
    }
    const left = count - channel;
    put(op, output, requantize(a, load<f32>(block, 32), low, high, zero));
    if (left > 1) put(op, output + bytes, requantize(b, load<f32>(block, 36), low, high, zero));
    if (left > 2) put(op, output + 2 * bytes, requantize(c, load<f32>(block, 40), low, high, zero));
    if (left > 3) put(op, output + 3 * bytes, requantize(d, load<f32>(block, 44), low, high, zero));
    block += 16;
    weights += 8;
    output += 4 * bytes;
  }
}
