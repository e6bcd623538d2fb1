/**
 * Known-answer test of the build's matrix product on this host, to be run once before anything is linked:
 * some hosts give wrong sums for instructions that they claim to have.
 */
import * as r from "../src/record";
import { dotsUnsigned, PLAIN, RELAXED, RELAXED_ADD } from "./dot";
import { matmul } from "./matmul";
import { requantize } from "./requantize";

const DEPTH = 64;
const PIXELS = 5;
const OP: usize = 512;
const INPUT: usize = 1024;
const WEIGHTS: usize = 2048;
const BIAS: usize = 3072;
const MULTIPLIERS: usize = 3136;
const OUTPUT: usize = 4096;
const SCRATCH: usize = 5120;

/**
 * How matmul shall sum products here, one of its forms, or -1 if the build computes wrong numbers.
 * Uses the first 8 kB of memory and clears them.
 */
export function selftest(): i32 {
  let form = isRight(PLAIN) ? PLAIN : -1;
  if (ASC_FEATURE_RELAXED_SIMD && form == PLAIN) {
    form = isRight(RELAXED) ? RELAXED : -1;
    if (form == RELAXED && addsAtOnce() && isRight(RELAXED_ADD)) form = RELAXED_ADD;
  }
  memory.fill(0, 0, 8192);
  return form;
}

/**
 * Whether the host adds four products to a 32-bit sum in one instruction, which is then the fastest way. It shows
 * where operands are out of range: in two instructions the 16-bit sums of pairs would saturate or wrap around. The
 * second operand may count as unsigned (VNNI of x86) or as signed (SDOT of ARM).
 */
function addsAtOnce(): bool {
  store<u32>(INPUT, 0x80808080);
  const operand = v128.load32_zero(INPUT);
  const sums = i32x4.relaxed_dot_i8x16_i7x16_add_s(operand, operand, i32x4.splat(0));
  return dotsUnsigned() || i32x4.extract_lane(sums, 0) == 4 * 128 * 128;
}

function isRight(form: i32): bool {
  let state = 1;
  for (let at: usize = INPUT; at < BIAS; at++) {
    state = state * 1664525 + 1013904223;
    // input of 7 bits where the product asks for it, weights of all values
    const byte = state >>> 24;
    store<u8>(at, at < WEIGHTS && form != PLAIN ? byte & 127 : byte);
  }
  const step = form == PLAIN ? 2 : 4;
  const multiplier: f32 = 0.0005;
  for (let o = 0; o < r.BLOCK; o++) {
    store<i32>(BIAS + 4 * o, 1000 * o);
    store<f32>(MULTIPLIERS + 4 * o, multiplier);
  }
  store<i32>(OP + r.FORM, form);
  store<usize>(OP + r.WEIGHTS_AT, WEIGHTS);
  store<usize>(OP + r.BIAS_AT, BIAS);
  store<usize>(OP + r.MULTIPLIERS_AT, MULTIPLIERS);
  store<i32>(OP + r.OUT_CHANNELS, r.BLOCK);
  store<i32>(OP + r.OUT_ZERO, 3);
  store<i32>(OP + r.MIN, -100);
  store<i32>(OP + r.MAX, 100);
  matmul(OP, INPUT, DEPTH, PIXELS, DEPTH, 0, r.BLOCK, OUTPUT, true, SCRATCH);
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
