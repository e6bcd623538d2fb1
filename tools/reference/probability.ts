/**
 * Probability of one class, or of the one that wins, at every pixel of the mask:
 *   p[c] = floor((510 T[m - q[c]] + Z) / (2 Z)) at each pixel of the logits, m the largest of them, Z the sum over c of
 *   T[m - q[c]], T[d] = floor(2^20 exp(-scale * d) + 1/2); then enlarged bilinearly, half-pixel centres, in 2048ths on
 *   both axes, and rounded
 *   Of wide logits T[d] = floor(A[floor(d / 32)] B[d mod 32] / 2^10), A[i] = floor(2^20 exp(-scale * 32 i) + 1/2),
 *   B[i] = floor(2^10 exp(-scale * i) + 1/2).
 *
 * logits         int8, or int16 if they are wide, [height, width, classes]; classes <= 256
 * probabilities  uint8 [mask height, mask width]   255 is certain
 *
 * 510 T + Z < 2^30, since T <= 2^20 and Z <= 2^28.
 */
import { BILINEAR } from "../../src/format.js";
import type { Size, Values } from "../../src/ops.js";
import { interpolate, place } from "./resize.js";

const DEPTH = 2048;

/** exp(-x) in steps that every host takes alike. */
function decay(x: number): number {
  const u = Math.min(x, 64) / 1024;
  let y = 1 - u * (1 - (u / 2) * (1 - (u / 3) * (1 - u / 4)));
  for (let step = 0; step < 10; step++) y *= y;
  return y;
}

/** @returns uint8 [maskHeight, maskWidth] */
export function probability(
  logits: Values,
  { height, width }: Size,
  classes: number,
  scale: number,
  which: number | "max",
  { height: maskHeight, width: maskWidth }: Size,
): Uint8Array {
  const small = new Int8Array(height * width);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const q = [...logits.subarray(pixel * classes, (pixel + 1) * classes)];
    const most = Math.max(...q);
    const exponential = (d: number) => {
      const power = (bits: number, steps: number) => Math.floor(2 ** bits * decay(scale * steps) + 0.5);
      if (!(logits instanceof Int16Array)) return power(20, d);
      return Math.floor((power(20, 32 * Math.floor(d / 32)) * power(10, d % 32)) / 2 ** 10);
    };
    const sum = q.reduce((total, value) => total + exponential(most - value), 0);
    const own = exponential(which === "max" ? 0 : most - q[which]!);
    small[pixel] = Math.floor((510 * own + sum) / (2 * sum)) - 128;
  }
  const result = new Uint8Array(maskHeight * maskWidth);
  for (let y = 0; y < maskHeight; y++) {
    const down = place(BILINEAR, y, height, maskHeight, DEPTH);
    for (let x = 0; x < maskWidth; x++) {
      const across = place(BILINEAR, x, width, maskWidth, DEPTH);
      const sum = interpolate({ values: small, width, channels: 1 }, down, across, DEPTH, DEPTH, 0);
      result[y * maskWidth + x] = Math.floor(sum / DEPTH ** 2 + 0.5) + 128;
    }
  }
  return result;
}
