import { ALIGNMENT } from "./format.js";

/** Operations `first`..`last` (inclusive) need a buffer. */
export interface Lifetime {
  readonly first: number;
  readonly last: number;
}

/** A buffer to be allocated: it must not share bytes with one that lives at the same time. */
export interface Buffer extends Lifetime {
  readonly bytes: number;
}

/** Rounds up to the alignment of every region. */
export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Rounds up to a multiple. */
export function padTo(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/**
 * Gives every buffer an aligned offset: largest first, each into the smallest gap that holds it among the
 * buffers alive at the same time. After Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net
 * Inference, 2020 (greedy by size).
 */
export function allocate(buffers: readonly Buffer[]): { offsets: number[]; bytes: number } {
  const offsets = buffers.map(() => 0);
  const done: number[] = [];
  const order = buffers.map((_, index) => index).filter((index) => buffers[index]!.bytes > 0);
  order.sort((a, b) => buffers[b]!.bytes - buffers[a]!.bytes || a - b);
  let total = 0;
  for (const index of order) {
    const buffer = buffers[index]!;
    const alive = done.filter((other) => overlap(buffers[other]!, buffer));
    alive.sort((a, b) => offsets[a]! - offsets[b]!);
    let best = -1;
    let bestGap = 2 ** 53;
    let end = 0;
    for (const other of alive) {
      const gap = offsets[other]! - end;
      if (gap >= buffer.bytes && gap < bestGap) [best, bestGap] = [end, gap];
      end = Math.max(end, align(offsets[other]! + buffers[other]!.bytes));
    }
    offsets[index] = best >= 0 ? best : end;
    total = Math.max(total, offsets[index]! + buffer.bytes);
    done.push(index);
  }
  return { offsets, bytes: align(total) };
}

function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}
