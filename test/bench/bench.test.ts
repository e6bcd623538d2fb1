import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { type BenchOptions, bench } from "../../bench/bench.js";
import type { Spec } from "../../bench/engines/engine.js";
import { hashMasks } from "../../bench/engines/hash.js";
import { allSpecs } from "../../bench/engines/specs.js";
import type { HostResults } from "../../bench/results.js";
import { type BenchHost, inTime, type Runner } from "../../bench/runner.js";

const MASK = Uint8Array.of(1, 2, 3, 4);

/** A host whose engines do as their names say. */
function fakeHost(open: Set<string>): BenchHost {
  return {
    name: "node",
    version: "Node 1",
    async open(spec): Promise<Runner> {
      let runs = 0;
      open.add(spec.name);
      return {
        spec,
        async load() {
          if (spec.name === "broken") throw new Error("does not load\nat all");
          return { load: 1, firstMask: 3, mask: spec.name === "wrong" ? Uint8Array.of(1, 2, 0, 0) : MASK };
        },
        async run() {
          if (spec.name === "dies" && ++runs > 2) throw new Error("died");
          return { wall: 2, cpu: 1 };
        },
        linearBytes: async () => 65536,
        hash: async (images) => images.join(),
        async close() {
          open.delete(spec.name);
        },
      };
    },
    async roofline() {
      throw new Error("no roofline here");
    },
    filesOf: () => undefined,
    close: async () => {},
  };
}

const first = allSpecs().find(({ name }) => name === "ours-simd")!;
const specs: Spec[] = ["fine", "broken", "wrong", "dies", "also fine"].map((name) => ({
  ...first,
  name,
  label: name,
  engine: name === "fine" ? "ours" : "litert",
}));

describe("a run", () => {
  it("leaves out what fails, says why, keeps the others, and closes all", async () => {
    const open = new Set<string>();
    const saved: HostResults[][] = [];
    const options: BenchOptions = {
      plan: { rounds: 2, repeats: 3, warmUp: 1 },
      loads: 2,
      passes: 1,
      mask: MASK,
      frames: ["a.rgb", "b.rgb"],
      layers: [],
      sizeOf: () => ({ raw: 0, gzip: 0, brotli: 0 }),
      say: () => {},
      save: (hosts) => saved.push(structuredClone(hosts) as HostResults[]),
    };
    const [results] = await bench([fakeHost(open)], specs, options);
    expect(results!.engines.map(({ spec }) => spec.name)).toEqual(["fine", "also fine"]);
    expect(results!.leftOut).toEqual([
      { label: "broken", reason: "does not load" },
      { label: "wrong", reason: "only 50.00 % of the pixels equal, expected 100 %" },
      { label: "dies", reason: "died" },
      { label: "roofline of fine", reason: "no roofline here" },
    ]);
    const [fine, alsoFine] = results!.engines;
    expect(fine!.samples.map((repeat) => repeat.length)).toEqual([2, 2, 2]);
    expect(fine!.loads.length).toBe(2);
    expect(fine!.hash).toBe("a.rgb,b.rgb");
    expect(alsoFine!.hash).toBeUndefined();
    expect(open.size).toBe(0);
    // what is saved after the first repeat holds that repeat
    expect(saved[0]![0]!.engines.map(({ spec, samples }) => [spec.name, samples.length])).toEqual([
      ["fine", 1],
      ["also fine", 1],
    ]);
    // each engine's times are kept while others are asked for the rest
    const asked = saved.filter(([host]) => host!.engines[0]!.hash !== undefined);
    expect(asked.length).toBeGreaterThan(2);
    for (const [host] of asked)
      expect(host!.engines.map(({ spec }) => spec.name)).toEqual(["fine", "also fine"]);
    expect(asked[0]![0]!.engines[1]!.samples.map((repeat) => repeat.length)).toEqual([2, 2, 2]);
  });
});

it("waits for an answer two minutes at most", async () => {
  vi.useFakeTimers();
  try {
    const late = expect(inTime(new Promise(() => {}))).rejects.toThrow("no answer within 120 s");
    await vi.advanceTimersByTimeAsync(120_000);
    await late;
    await expect(inTime(Promise.resolve(5))).resolves.toBe(5);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

it("hashes masks of whatever integers as bytes, in order", async () => {
  const engine = { run: (levels: Uint8Array) => Int32Array.from(levels), close: () => {} };
  const read = async (name: string) => Uint8Array.of(name.length, 200);
  const right = createHash("sha256")
    .update(Uint8Array.of(1, 200, 2, 200))
    .digest("hex");
  expect(await hashMasks(engine, read, ["a", "bb"])).toBe(right);
});
