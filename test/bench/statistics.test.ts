import { describe, expect, it } from "vitest";
import { agreement, quantityOf, summarize } from "../../bench/statistics.js";
import { median } from "../../tools/common/statistics.js";

describe("median", () => {
  it("is the middle, or the mean of the two in the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(median([])).toBeNaN();
  });

  it("leaves its numbers as they are", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

it("sums up repeats by their medians", () => {
  const repeat = (...walls: number[]) => walls.map((wall) => ({ wall, cpu: 2 * wall }));
  const samples = [repeat(1, 5, 9), repeat(2, 3, 100), repeat(8, 7, 6)];
  expect(summarize(samples, "wall")).toEqual({ median: 5, min: 1, spread: [3, 7] });
  expect(summarize(samples, "cpu")).toEqual({ median: 10, min: 2, spread: [6, 14] });
});

it("takes CPU time where there is one, also from a file", () => {
  expect(quantityOf([[{ wall: 1, cpu: 2 }]])).toBe("cpu");
  const unknown = [[{ wall: 1, cpu: Number.NaN }]];
  expect(quantityOf(unknown)).toBe("wall");
  expect(quantityOf(JSON.parse(JSON.stringify(unknown)))).toBe("wall");
});

it("counts equal pixels; masks of different sizes agree nowhere", () => {
  expect(agreement([1, 2, 3, 4], Uint8Array.of(1, 2, 0, 4))).toBe(0.75);
  expect(agreement([1, 2], [1])).toBe(0);
});
