import { describe, expect, it } from "vitest";
import { align, allocate, type Buffer } from "../../src/allocate.js";
import { Random } from "../fixtures/random.js";

/** Random buffers of which many live at the same time, and some are empty. */
function randomBuffers(random: Random, count: number): Buffer[] {
  return Array.from({ length: count }, () => {
    const first = random.integer(0, 40);
    const bytes = 16 * random.integer(0, 12);
    return { first, last: first + random.integer(0, 20), bytes };
  });
}

/** The greedy rule of `allocate`, by trying every offset at which a buffer could begin. */
function obvious(buffers: readonly Buffer[]): number[] {
  const offsets = buffers.map(() => 0);
  const order = buffers.map((_, index) => index).filter((index) => buffers[index]!.bytes > 0);
  order.sort((a, b) => buffers[b]!.bytes - buffers[a]!.bytes || a - b);
  order.forEach((index, done) => {
    const { first, last, bytes } = buffers[index]!;
    const alive = order.slice(0, done).filter((i) => buffers[i]!.first <= last && first <= buffers[i]!.last);
    const endOf = (i: number) => align(offsets[i]! + buffers[i]!.bytes);
    const starts = [0, ...alive.map(endOf)].sort((a, b) => a - b);
    const room = (start: number) =>
      Math.min(...alive.filter((i) => endOf(i) > start).map((i) => offsets[i]! - start), Infinity);
    const fitting = starts.filter((start) => room(start) >= bytes);
    offsets[index] = fitting.reduce((best, start) => (room(start) < room(best) ? start : best));
  });
  return offsets;
}

describe("allocate", () => {
  it("gives buffers that live at the same time bytes of their own, by the rule it is named after", () => {
    const random = new Random(5);
    for (let count = 1; count < 60; count++) {
      const buffers = randomBuffers(random, count);
      expect(allocate(buffers).offsets).toEqual(obvious(buffers));
    }
  });

  it("places thousands of buffers that all live at once", () => {
    const buffers = Array.from({ length: 4096 }, (_, at) => ({
      first: 0,
      last: 1,
      bytes: 16 + 16 * (at % 7),
    }));
    expect(allocate(buffers).bytes).toBe(buffers.reduce((sum, { bytes }) => sum + bytes, 0));
  });
});
