/** Noise and mixtures of colors that surfaces are painted with. */
import type { Color } from "./solids.js";

/** A number in 0..1 for a point of the integer lattice. */
export function hash(x: number, y: number, z: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(z, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 0x100000000;
}

/** Smooth noise in 0..1 with features of about one unit. */
export function noise(x: number, y: number, z = 0): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const z0 = Math.floor(z);
  const u = smooth(x - x0);
  const v = smooth(y - y0);
  const front = mix(edge(x0, y0, z0, u), edge(x0, y0 + 1, z0, u), v);
  if (z === z0) return front;
  return mix(front, mix(edge(x0, y0, z0 + 1, u), edge(x0, y0 + 1, z0 + 1, u), v), smooth(z - z0));
}

/** Noise on the edge of the lattice from (x, y, z) to the right. */
function edge(x: number, y: number, z: number, u: number): number {
  return mix(hash(x, y, z), hash(x + 1, y, z), u);
}

/** Three octaves of noise in 0..1. */
export function clouds(x: number, y: number, z = 0): number {
  return (4 * noise(x, y, z) + 2 * noise(2 * x, 2 * y, 2 * z) + noise(4 * x, 4 * y, 4 * z)) / 7;
}

/** Runs from 0 to 1 as t does, flat at both ends. */
export function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}

/** A number between two others: a where the share is 0, b where it is 1. */
export function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

/** A color between two others: a where the share is 0, b where it is 1. */
export function blend(a: Color, b: Color, share: number): Color {
  return [mix(a[0], b[0], share), mix(a[1], b[1], share), mix(a[2], b[2], share)];
}

/** A color made lighter or darker. */
export function shade(color: Color, factor: number): Color {
  return [color[0] * factor, color[1] * factor, color[2] * factor];
}

/** Runs from 0 to 1 as `value` runs from `low` to `high`. */
export function ramp(value: number, low: number, high: number): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

/** The part of a value beyond a whole number of periods. */
export function within(value: number, period: number): number {
  return value - Math.floor(value / period) * period;
}
