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

interface Placed extends Lifetime {
  readonly offset: number;
  /** Where the next buffer may begin. */
  readonly end: number;
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
  /** Those that have their place, by offset. */
  const placed: Placed[] = [];
  const order = buffers.map((_, index) => index).filter((index) => buffers[index]!.bytes > 0);
  order.sort((a, b) => buffers[b]!.bytes - buffers[a]!.bytes || a - b);
  let total = 0;
  for (const index of order) {
    const { first, last, bytes } = buffers[index]!;
    let best = -1;
    let bestGap = 2 ** 53;
    let end = 0;
    for (const other of placed) {
      if (first > other.last || other.first > last) continue;
      const gap = other.offset - end;
      if (gap >= bytes && gap < bestGap) [best, bestGap] = [end, gap];
      end = Math.max(end, other.end);
    }
    const offset = best >= 0 ? best : end;
    offsets[index] = offset;
    total = Math.max(total, offset + bytes);
    const later = placed.findIndex((other) => other.offset > offset);
    placed.splice(later < 0 ? placed.length : later, 0, { first, last, offset, end: align(offset + bytes) });
  }
  return { offsets, bytes: align(total) };
}
