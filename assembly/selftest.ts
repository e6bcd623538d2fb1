/**
 * Known-answer test of the build's matrix product on this host, to be run once before anything is linked:
 * some hosts give wrong sums for instructions that they claim to have.
 */
import * as r from "../src/record";
import { dotsSigned, dotsUnsigned, Plain, Relaxed, RelaxedAdd } from "./dot";
import { matmul } from "./matmul";
import { requantize } from "./requantize";

const DEPTH = 64;
const PIXELS = 5;
const OP: usize = 512;
const INPUT: usize = 1024;
const BLOCK: usize = 2048;
const WEIGHTS: usize = BLOCK + r.BLOCK_HEAD;
const OUTPUT: usize = 4096;
const SCRATCH: usize = 5120;
const END: usize = 8192;

/**
 * The dot product that the host has, see src/record.ts, or -1 if the build computes wrong numbers.
 * Uses the first 8 kB of memory and clears them.
 */
export function selftest(): i32 {
  let kind = isRight<Plain>(r.PLAIN) ? r.PLAIN : -1;
  if (ASC_FEATURE_RELAXED_SIMD && kind == r.PLAIN) {
    kind = isRight<Relaxed>(r.RELAXED) ? r.RELAXED : -1;
    if (kind == r.RELAXED && isRight<RelaxedAdd>(r.RELAXED_ADD)) {
      if (dotsUnsigned()) kind = r.RELAXED_ADD_UNSIGNED;
      else if (dotsSigned()) kind = r.RELAXED_ADD_SIGNED;
    }
  }
  memory.fill(0, 0, END);
  return kind;
}

function isRight<F>(kind: i32): bool {
  let state = 1;
  for (let at: usize = INPUT; at < OUTPUT; at++) {
    state = state * 1664525 + 1013904223;
    // input of 7 bits where the product asks for it, weights of all values
    const byte = state >>> 24;
    store<u8>(at, at < BLOCK && kind != r.PLAIN ? byte & 127 : byte);
  }
  const step = kind == r.PLAIN ? 2 : 4;
  const multiplier: f32 = 0.0005;
  for (let o = 0; o < r.BLOCK; o++) {
    store<i32>(BLOCK + 4 * o, 1000 * o);
    store<f32>(BLOCK + 4 * o, multiplier, 32);
  }
  store<i32>(OP + r.DEPTH, DEPTH);
  store<i32>(OP + r.PIXEL_STEP, (4 / step) * DEPTH);
  store<i32>(OP + r.RUNS, 1);
  store<i32>(OP + r.RUN_BYTES, (4 / step) * DEPTH);
  store<i32>(OP + r.ONE, 1);
  store<i32>(OP + r.FAST_ROUNDING, 1);
  store<i32>(OP + r.OUT_CHANNELS, r.BLOCK);
  store<i32>(OP + r.VALUE_BYTES, 1);
  store<i32>(OP + r.OUT_ZERO, 3);
  store<i32>(OP + r.MIN, -100);
  store<i32>(OP + r.MAX, 100);
  matmul<F>(OP, INPUT, DEPTH, PIXELS, BLOCK, r.BLOCK, OUTPUT, SCRATCH);
  for (let p = 0; p < PIXELS; p++) {
    for (let o = 0; o < r.BLOCK; o++) {
      let sum = 1000 * o;
      for (let k = 0; k < DEPTH; k++) {
        const weight = WEIGHTS + (k / step) * step * r.BLOCK + o * step + (k % step);
        sum += load<i8>(INPUT + p * DEPTH + k) * <i32>load<i8>(weight);
      }
      if (load<i8>(OUTPUT + p * r.BLOCK + o) != requantize(sum, multiplier, -103, 97, 3)) return false;
    }
  }
  return true;
}
