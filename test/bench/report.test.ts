import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Spec } from "../../bench/engines/engine.js";
import { writeReport } from "../../bench/report.js";
import type { HostResults, Measured, Results } from "../../bench/results.js";
import { byKind, costs, rate } from "../../bench/roofline/ops.js";
import { round } from "../../bench/statistics.js";
import { barChart } from "../../bench/svg.js";
import { formatMarkdown } from "../../tools/common/table.js";
import { buildSmall, SMALL } from "./small.js";

const folder = mkdtempSync(join(tmpdir(), "bench-"));
afterAll(() => rmSync(folder, { recursive: true }));

const model = buildSmall();

function engine(name: string, kind: Spec["engine"], cpu: readonly number[]): Measured {
  return {
    spec: {
      name,
      label: `${name} & co`,
      engine: kind,
      numbers: "s8",
      threads: 1,
      variant: "simd",
      hosts: ["node", "chromium"],
      files: [],
      image: "",
      side: 512,
      agreement: 1,
    },
    agreement: 0.995,
    loads: [
      { load: 10, firstMask: 70 },
      { load: 30, firstMask: 50 },
      { load: 20, firstMask: 60 },
    ],
    samples: [cpu.map((value) => ({ cpu: value, wall: value + 1 }))],
    linearBytes: 3_600_000,
    bytes: { raw: 1_090_000, gzip: 1_000_000, brotli: 990_000 },
  };
}

const host: HostResults = {
  host: "chromium",
  version: "Chromium 1",
  engines: [engine("slow", "litert", [30, 20, 40]), engine("fast", "ours", [12, 10, 11])],
  leftOut: [{ label: "other", reason: "not here" }],
  layers: [
    {
      label: "a layer",
      macs: 2e6,
      engines: [
        {
          label: "attendseg simd",
          many: [[{ wall: 33, cpu: 0 }]],
          one: [[{ wall: 1, cpu: 0 }]],
          agreement: 1,
        },
        { label: "other", many: [[{ wall: 83, cpu: 0 }]], one: [[{ wall: 3, cpu: 0 }]], agreement: 0.95 },
      ],
    },
  ],
  rooflines: [
    {
      variant: "simd",
      ops: model.ops.map(() => 0.5),
      apart: model.ops.map(() => 0.5),
      mask: 0.25,
      peaks: { dot: 40, relaxed: null, relaxedAdd: null },
    },
  ],
};

const results: Results = {
  date: "2030-01-02",
  machine: { cpu: "A CPU", cores: 2, flags: ["avx2"], memoryGB: 8, system: "Linux 6" },
  versions: { "@litertjs/core": "2.0.0" },
  network: { name: "small", sha256: "ab".repeat(32), macs: 1e6, parameters: 1234 },
  plan: { rounds: 3, repeats: 1, warmUp: 1 },
  frames: 0,
  hosts: [host],
};

describe("the report", () => {
  writeReport(results, model, folder);
  /** Without the spaces that align columns. */
  const text = readFileSync(join(folder, "README.md"), "utf8").replace(/ {2,}/g, " ");

  it("names machine, versions and what was left out", () => {
    for (const part of [
      "A CPU",
      "avx2",
      "@litertjs/core 2.0.0",
      "2030-01-02",
      "- other: not here",
      "1,234",
    ]) {
      expect(text).toContain(part);
    }
  });

  it("shows medians, the fastest first, and the ratio", () => {
    expect(text).toContain("| **fast & co** | 11.0 | 11.0-11.0 | 10.0 | 12.0 | 11.0 | 99.50 % |");
    expect(text.indexOf("| **fast & co** | 11.0")).toBeLessThan(text.indexOf("| slow & co | 30.0"));
    expect(text).toContain("| slow & co | 2.73 x |");
  });

  it("shows loads and bytes", () => {
    expect(text).toContain("| **fast & co** | 20.0 | 60.0 | 3.60 | 1.09 | 1.00 | 0.99 |");
  });

  it("shows single layers: what one more takes, and the ratio", () => {
    expect(text).toContain("| a layer | 2.0 | 2.00 | 5.00 | 2.50 x |");
  });

  it("shows targets", () => {
    expect(text).toContain("| linear memory | at most 3.74 MB | 3.60 MB | met |");
  });

  it("draws every image it refers to, and each is well formed", () => {
    const images = [...text.matchAll(/\(results\/([\w-]+\.svg)\)/g)].map((match) => match[1]!);
    expect(images.length).toBe(4);
    for (const name of images) expectWellFormed(readFileSync(join(folder, "results", name), "utf8"));
  });

  it("has as many cells in each row of a table as in its head", () => {
    let columns = 0;
    for (const line of text.split("\n")) {
      const cells = line.startsWith("|") ? line.split("|").length : 0;
      if (cells > 0 && columns > 0) expect(cells).toBe(columns);
      columns = cells;
    }
  });
});

/** Every tag is closed in the right order, and no bare & or < is left. */
function expectWellFormed(svg: string): void {
  const open: string[] = [];
  expect(svg).not.toMatch(/&(?!(amp|lt|gt|quot);)/);
  for (const [, end, name, , self] of svg.matchAll(/<(\/?)([a-z]+)((?:"[^"]*"|[^>"])*?)(\/?)>/g)) {
    if (end) expect(open.pop()).toBe(name);
    else if (!self) open.push(name!);
  }
  expect(open).toEqual([]);
}

it("draws bars in proportion", () => {
  const svg = barChart("a < b", "note", [
    { label: "x", value: 10, range: [9, 11] },
    { label: "y", value: 5, isOurs: true },
  ]);
  expectWellFormed(svg);
  const widths = [...svg.matchAll(/<rect class="(?:ours|other)"[^>]* width="([\d.]+)"/g)].map((match) =>
    Number(match[1]),
  );
  expect(widths[0]! / widths[1]!).toBeCloseTo(2, 1);
});

it("rounds to three digits", () => {
  expect([123.4, 12.34, 1.234, 0.01234, Number.NaN].map(round)).toEqual([
    "123",
    "12.3",
    "1.23",
    "0.0123",
    "-",
  ]);
  expect(formatMarkdown([["1", "2"]], ["a", "b"])).toBe("| a   |   b |\n| --- | --: |\n| 1   |   2 |");
});

it("counts the cost of every operation once", () => {
  const list = costs(model, { ops: model.ops.map(() => 1), mask: 2 }, 64);
  // by hand, at 64 x 64: the stem has 32 * 32 * 8 outputs of 27 products
  const macs =
    32 * 32 * 8 * 27 + // stem
    32 * 32 * 12 * (8 + 9) + // pointwise, depthwise 3x3
    8 * 8 * 12 * 12 + // attention
    16 * 16 * 12 * (25 + 12) + // depthwise 5x5 with stride 2, pointwise
    32 * 32 * (12 * 8 + 5 * 12); // pointwise beside, logits
  expect(list.reduce((sum, cost) => sum + cost.macs, 0)).toBe(macs);
  expect(list.reduce((sum, cost) => sum + cost.milliseconds, 0)).toBe(model.ops.length + 2);
  const kinds = byKind(list);
  expect(kinds.reduce((sum, cost) => sum + cost.macs, 0)).toBe(macs);
  const apart = costs(model, { ops: model.ops.map(() => 1), mask: 2 }, 64, true);
  expect(apart.length).toBe(model.ops.length + 1);
  expect(apart.reduce((sum, cost) => sum + cost.macs, 0)).toBe(macs);
  expect(rate({ name: "", detail: "", macs: 3e9, bytes: 0, milliseconds: 100 })).toBe(30);
  expect(SMALL.width % model.stride).toBe(0);
});
