import { expect, it } from "vitest";
import type { Spec } from "../../bench/engines/engine.js";
import { interleave, oneLine } from "../../bench/interleave.js";

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

it("shortens an error to its first line", () => {
  expect(oneLine(new Error("this\nthat"))).toBe("this");
  expect(oneLine("text")).toBe("text");
});
