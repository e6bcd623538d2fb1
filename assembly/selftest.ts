/**
 * Known-answer test of the build's matrix product on this host, to be run once before anything is linked:
 * some hosts give wrong sums for instructions that they claim to have.
 */
import { BLOCK } from "../src/record";
import { matmul } from "./matmul";
import { requantize } from "./requantize";

const DEPTH = 64;
const PIXELS = 5;
const INPUT: usize = 1024;
const WEIGHTS: usize = 2048;
const ARRAYS: usize = 3072;
const OUTPUT: usize = 4096;

/**
 * 0 if products of some bytes come out wrong, else 1, or 2 in builds that have the relaxed dot product as well.
 * Uses the first 8 kB of memory and clears them.
 */
export function selftest(): i32 {
  const plain = isRight(false);
  const relaxed = ASC_FEATURE_RELAXED_SIMD ? isRight(true) : true;
  memory.fill(0, 0, 8192);
  return plain && relaxed ? (ASC_FEATURE_RELAXED_SIMD ? 2 : 1) : 0;
}

function isRight(relaxed: bool): bool {
  let state = 1;
  for (let at: usize = INPUT; at < ARRAYS; at++) {
    state = state * 1664525 + 1013904223;
    // input of 7 bits where the product asks for it, weights of all values
    const byte = state >>> 24;
    store<u8>(at, at < WEIGHTS && relaxed ? byte & 127 : byte);
  }
  const step = relaxed ? 4 : 2;
  const multiplier: f32 = 0.0005;
  for (let o = 0; o < BLOCK; o++) {
    store<i32>(ARRAYS + 4 * o, 1000 * o);
    store<f32>(ARRAYS + 64 + 4 * o, multiplier);
  }
  matmul(
    INPUT,
    DEPTH,
    PIXELS,
    DEPTH,
    WEIGHTS,
    ARRAYS,
    ARRAYS + 64,
    OUTPUT,
    BLOCK,
    BLOCK,
    3,
    -100,
    100,
    relaxed,
  );
  for (let p = 0; p < PIXELS; p++) {
    for (let o = 0; o < BLOCK; o++) {
      let sum = 1000 * o;
      for (let k = 0; k < DEPTH; k++) {
        const weight = WEIGHTS + (k / step) * step * BLOCK + o * step + (k % step);
        sum += load<i8>(INPUT + p * DEPTH + k) * <i32>load<i8>(weight);
      }
      if (load<i8>(OUTPUT + p * BLOCK + o) != requantize(sum, multiplier, -100, 100, 3)) return false;
    }
  }
  return true;
}
