/** Softmax of the logits in integers: src/format.md. */
import { FINE } from "./record.js";

/** Logits as the engine holds them, int8 [height, width, classes]. */
export interface RawLogits {
  readonly data: Int8Array;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  readonly scale: number;
}

/**
 * Probability at each pixel, enlarged to the size of the mask.
 *
 * @param which a class id, or "max" for the class that wins
 * @returns uint8 [height, width], 255 is certain
 */
export function probabilities(
  logits: RawLogits,
  which: number | "max",
  width: number,
  height: number,
): Uint8Array {
  const small = softmax(logits, which);
  const across = positions(logits.width, width);
  const down = positions(logits.height, height);
  const out = new Uint8Array(width * height);
  const row = new Int32Array(logits.width + 1);
  for (let y = 0; y < height; y++) {
    const top = down[y]! >> 11;
    const weight = down[y]! % FINE;
    const upper = top * logits.width;
    const lower = Math.min(top + 1, logits.height - 1) * logits.width;
    for (let x = 0; x < logits.width; x++) {
      row[x] = small[upper + x]! * (FINE - weight) + small[lower + x]! * weight;
    }
    // the last column has no neighbour, and weight 0 for it
    for (let x = 0, at = y * width; x < width; x++, at++) {
      const left = across[x]! >> 11;
      const w = across[x]! % FINE;
      out[at] = (row[left]! * (FINE - w) + row[left + 1]! * w + 2 ** 21) >> 22;
    }
  }
  return out;
}

/** Probabilities at the size of the logits, uint8 [height, width]. */
function softmax({ data, height, width, classes, scale }: RawLogits, which: number | "max"): Uint8Array {
  const table = Int32Array.from({ length: 256 }, (_, d) => 2 ** 20 * decay(scale * d) + 0.5);
  return new Uint8Array(height * width).map((_, pixel) => {
    const at = pixel * classes;
    let most = -128;
    for (let c = at; c < at + classes; c++) most = Math.max(most, data[c]!);
    let sum = 0;
    for (let c = at; c < at + classes; c++) sum += table[most - data[c]!]!;
    const own = which === "max" ? 0 : most - data[at + which]!;
    return (510 * table[own]! + sum) / (2 * sum);
  });
}

/** exp(-x) in steps that every host takes alike. */
function decay(x: number): number {
  const u = Math.min(x, 64) / 1024;
  let y = 1 - u * (1 - (u / 2) * (1 - (u / 3) * (1 - u / 4)));
  for (let step = 0; step < 10; step++) y *= y;
  return y;
}

/** Where each of `to` pixels lies among `from`, in 2048ths, kept within them: assembly/resample.ts. */
function positions(from: number, to: number): Int32Array {
  return Int32Array.from({ length: to }, (_, i) => {
    const place = Math.floor((((2 * i + 1) * from - to) * FINE + to) / (2 * to));
    return Math.min(Math.max(place, 0), (from - 1) * FINE);
  });
}
