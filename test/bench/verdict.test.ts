import { describe, expect, it } from "vitest";
import { allSpecs } from "../../bench/engines/specs.js";
import { COUNT } from "../../bench/layers/cases.js";
import type { HostResults, Measured, Results } from "../../bench/results.js";
import { verdicts } from "../../bench/verdict.js";
import * as format from "../../src/format.js";
import { buildSmall } from "./small.js";

const model = buildSmall();
const pointwise = model.ops.map(({ code }) => code === format.POINTWISE);

/** An engine that takes some milliseconds of CPU time, half as many of wall time. */
function engine(name: string, cpu: number, brotli: number, firstMask: number, hash?: string): Measured {
  return {
    spec: allSpecs().find((spec) => spec.name === name)!,
    agreement: 1,
    loads: [{ load: 1, firstMask }],
    samples: [[{ cpu, wall: cpu / 2 }]],
    linearBytes: 4e6,
    bytes: { raw: 0, gzip: 0, brotli },
    ...(hash && { hash }),
  };
}

function host(name: HostResults["host"], engines: Measured[]): HostResults {
  return { host: name, version: "", engines, leftOut: [], layers: [], rooflines: [] };
}

const NAMES = ["scalar", "simd", "relaxed", "simd-2", "relaxed-2"];

function measured(hashes: readonly string[], frames = 20): Results {
  const cpu = [90, 20, 10, 24, 9];
  const ours = NAMES.map((name, index) => engine(`ours-${name}`, cpu[index]!, 1.1e6, 100, hashes[index]));
  const chromium = host("chromium", [
    ...ours,
    engine("litert-int8", 46, 3e6, 300),
    engine("tfjs-wasm", 71, 2.1e6, 250),
    engine("litert-int8-simd", 32, 3e6, 300),
    engine("ours-relaxed-8bit", 10.8, 1.1e6, 100),
  ]);
  const layer = (label: string, ...walls: number[]) => ({
    label,
    macs: 1,
    engines: ["attendseg simd", "attendseg relaxed", "LiteRT.js int8"].map((name, index) => ({
      label: name,
      agreement: 1,
      many: [[{ wall: 1 + walls[index]! * (COUNT - 1), cpu: 0 }]],
      one: [[{ wall: 1, cpu: 0 }]],
    })),
  });
  const roofline = {
    variant: "simd",
    ops: model.ops.map(() => 9),
    apart: pointwise.map((is) => (is ? 1 : 100)),
    mask: 1,
    peaks: { dot: 40, relaxed: null, relaxedAdd: null },
  };
  return {
    date: "",
    machine: { cpu: "", cores: 2, flags: [], memoryGB: 1, system: "" },
    versions: {},
    network: { name: "", sha256: "", macs: 1, parameters: 1 },
    plan: { rounds: 1, repeats: 1, warmUp: 0 },
    frames,
    hosts: [
      host("node-newest", [
        engine("ort-node-f32", 16, 0, 0),
        engine("ort-node-u8", 12, 0, 0),
        engine("ours-relaxed", 8, 0, 0),
        engine("ours-relaxed-8bit", 8, 0, 0),
      ]),
      {
        ...chromium,
        layers: [layer("depthwise 3x3, x", 1, 0.5, 2), layer("depthwise 3x3 /2, x", 2, 1, 2)],
        rooflines: [roofline],
      },
    ],
  };
}

const SAME = NAMES.map(() => "a");
const find = (results: Results, what: string) =>
  verdicts(results, model).find((verdict) => verdict.what.startsWith(what))!;

describe("verdicts", () => {
  const results = measured(SAME);

  it.each([
    ["simd against LiteRT.js int8 without", "1.60 x", true],
    ["simd against tfjs-wasm", "3.55 x", false],
    ["relaxed against LiteRT.js int8", "4.60 x", true],
    ["relaxed against tfjs-wasm", "7.10 x", true],
    ["relaxed against native onnxruntime", "1.50 x", true],
    ["relaxed, 8 bits against 7, chromium", "1.08 x", false],
    ["relaxed, 8 bits against 7, node-newest", "1.00 x", true],
    ["depthwise 3x3, x simd", "2.00 x", true],
    ["depthwise 3x3 /2, x simd", "1.00 x", false],
    ["depthwise 3x3 /2, x relaxed", "2.00 x", true],
    ["two threads against one, simd", "0.83 x", false],
    ["two threads against one, relaxed", "1.11 x", false],
    ["bytes to the first mask", "1.10 MB", false],
    ["bytes against the smallest rival", "1.91 x less", false],
    ["time to the first mask", "40.00 %", true],
    ["linear memory", "4.00 MB", false],
  ])("%s: %s", (what, text, isMet) => {
    expect(find(results, what)).toMatchObject({ measured: text, isMet });
  });

  it("counts pointwise convolutions alone for the share of the peak", () => {
    // products of the pointwise convolutions of the small network, see report.test.ts, at 512 x 512
    const macs = 256 * 256 * 12 * 8 + 64 * 64 * 12 * 12 + 128 * 128 * 12 * 12 + 256 * 256 * (12 * 8 + 5 * 12);
    const share = (100 * macs) / (pointwise.filter(Boolean).length * 1e6) / 40;
    expect(find(results, "pointwise").measured).toBe(`${share.toFixed(2)} %`);
  });

  it("needs equal masks of every build on 20 frames", () => {
    expect(find(results, "masks").isMet).toBe(true);
    expect(find(measured(SAME, 2), "masks").isMet).toBeUndefined();
    expect(find(measured(["a", "a", "a", "a", "b"]), "masks").isMet).toBe(false);
    expect(find(measured(["a", "a", "a", "a"]), "masks").isMet).toBeUndefined();
    expect(find(measured([]), "masks").isMet).toBeUndefined();
  });

  it("says of everything that it was not measured where nothing was", () => {
    const list = verdicts({ ...results, hosts: [] }, model);
    expect(list.length).toBe(verdicts(results, model).length);
    for (const { measured: text, isMet } of list) {
      expect(text).toBe("not measured");
      expect(isMet).toBeUndefined();
    }
  });
});
