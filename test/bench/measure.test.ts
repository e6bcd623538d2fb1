import { describe, expect, it } from "vitest";
import type { Spec } from "../../bench/engines/engine.js";
import { agreement, interleave, median, oneLine, quantityOf, summarize } from "../../bench/measure.js";

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

it("runs one inference of each engine in turn, a slow one once a repeat", async () => {
  const order: string[] = [];
  const runner = (name: string, isSlow: boolean) => ({
    spec: { name, isSlow } as Spec,
    async run() {
      order.push(name);
      return { wall: order.length, cpu: 0 };
    },
  });
  const rounds: number[] = [];
  const outcomes = await interleave(
    [runner("a", false), runner("slow", true), runner("b", false)],
    { rounds: 2, repeats: 2, warmUp: 1 },
    (round, all) => rounds.push(round, all),
  );
  expect(order).toEqual(["a", "b", "a", "slow", "b", "a", "b", "a", "slow", "b", "a", "b"]);
  expect(rounds).toEqual([0, 5, 1, 5, 2, 5, 3, 5, 4, 5]);
  expect(outcomes.map(({ samples }) => samples.map((times) => times.map(({ wall }) => wall)))).toEqual([
    [
      [3, 6],
      [8, 11],
    ],
    [[4], [9]],
    [
      [5, 7],
      [10, 12],
    ],
  ]);
});

it("goes on without an engine that fails", async () => {
  let runs = 0;
  const good = {
    spec: { name: "good" } as Spec,
    run: async () => ({ wall: ++runs, cpu: 0 }),
  };
  const bad = {
    spec: { name: "bad" } as Spec,
    async run() {
      if (runs > 2) throw new Error("out of memory\n    at somewhere");
      return { wall: 0, cpu: 0 };
    },
  };
  const [first, second] = await interleave([good, bad], { rounds: 4, repeats: 1, warmUp: 0 });
  expect(first!.fault).toBeUndefined();
  expect(first!.samples[0]!.length).toBe(4);
  expect(second!.fault).toBe("out of memory");
});

it("takes CPU time where there is one, also from a file", () => {
  expect(quantityOf([[{ wall: 1, cpu: 2 }]])).toBe("cpu");
  const unknown = [[{ wall: 1, cpu: Number.NaN }]];
  expect(quantityOf(unknown)).toBe("wall");
  expect(quantityOf(JSON.parse(JSON.stringify(unknown)))).toBe("wall");
});

it("shortens an error to its first line", () => {
  expect(oneLine(new Error("this\nthat"))).toBe("this");
  expect(oneLine("text")).toBe("text");
});

it("counts equal pixels; masks of different sizes agree nowhere", () => {
  expect(agreement([1, 2, 3, 4], Uint8Array.of(1, 2, 0, 4))).toBe(0.75);
  expect(agreement([1, 2], [1])).toBe(0);
});
