import { expect, it } from "vitest";
import { compare, type Outcome } from "./compare.js";

const ran = (name: string, hashes: Record<string, Record<string, string>>): Outcome => {
  return { name, state: "ran", version: "1", hashes, seconds: 1 };
};
const reference = ran("reference", { fixture: { reference: "aa" } });

it("is content where all hosts and builds agree, whatever is absent", () => {
  const verdict = compare([
    reference,
    ran("one", { fixture: { simd: "aa", scalar: "aa" }, model: { simd: "bb" } }),
    { name: "two", state: "absent", reason: "there is no two" },
    ran("three", { model: { simd: "bb" } }),
  ]);
  expect(verdict).toEqual({ good: true, differences: [], expected: { fixture: "aa", model: "bb" } });
});

it("names host, job and build of a hash that differs", () => {
  const verdict = compare([reference, ran("one", { fixture: { simd: "aa", scalar: "ab" } })]);
  expect(verdict.good).toBe(false);
  expect(verdict.differences).toEqual([{ host: "one", job: "fixture", build: "scalar", hash: "ab" }]);
});

it("takes the first host as the measure of a job that has no reference", () => {
  const verdict = compare([
    reference,
    ran("one", { model: { simd: "bb" } }),
    ran("two", { model: { simd: "bc" } }),
  ]);
  expect(verdict.differences).toEqual([{ host: "two", job: "model", build: "simd", hash: "bc" }]);
});

it("is not content with a host that failed", () => {
  expect(compare([reference, { name: "one", state: "failed", reason: "out of memory" }]).good).toBe(false);
});
