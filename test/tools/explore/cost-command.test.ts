import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { modelInfo } from "../../../src/info.js";
import { parseModel } from "../../../src/model.js";
import { plan } from "../../../src/plan.js";
import { planBundle } from "../../../tools/bundle/index.js";
import { exportQdq } from "../../../tools/convert/index.js";
import { parseArchitecture, shapeModel } from "../../../tools/explore/architecture.js";
import { costOf } from "../../../tools/explore/cost.js";
import { GRIDS, interpolate, type KernelTimes, parseTable, predict } from "../../../tools/explore/timing.js";
import { expectFailure, Workplace } from "../command.js";

const TEXT = readFileSync("models/attendseg-camvid.architecture.json", "utf8");
const SHIPPED = parseArchitecture(TEXT);

/** Times that are linear on every axis: interpolation gives them back everywhere. */
function linear(axes: KernelTimes["axes"], weights: readonly number[]): KernelTimes {
  const points = axes.reduce<number[][]>(
    (list, [, places]) => list.flatMap((point) => places.map((place) => [...point, place])),
    [[]],
  );
  const value = (point: readonly number[]) => point.reduce((sum, x, axis) => sum + x * weights[axis]!, 5);
  return { axes, nanoseconds: points.map(value) };
}

const kernels = Object.fromEntries(
  Object.entries(GRIDS).map(([kernel, axes]) => [kernel, linear(axes, [3, 7, 11, 13])]),
);
const TABLE = { machine: { variant: "simd" }, kernels };

describe("cost", () => {
  test.each(["camvid", "camvid-small", "camvid-tiny", "streets"])("is what the file costs: %s", (name) => {
    const model = parseModel(readFileSync(`models/attendseg-${name}.aseg`));
    const architecture = parseArchitecture(
      readFileSync(`models/attendseg-${name}.architecture.json`, "utf8"),
    );
    for (const [height, width] of [
      [512, 512],
      [448, 640],
      [64, 4096],
    ] as const) {
      const info = modelInfo(model, plan(model, height, width));
      expect(info).toMatchObject(costOf(architecture, height, width));
    }
  });

  test("follows stride and scales", () => {
    const sizes = (changes: object) => {
      const model = shapeModel(parseArchitecture(JSON.stringify({ ...SHIPPED, ...changes })));
      return modelInfo(model, plan(model, 512, 512)).ops.map(({ name, width }) => `${name} ${width}`);
    };
    expect(sizes({ stem: { width: 16, kernel: 5, stride: 4 } }).slice(1, 4)).toEqual([
      "convolution 128",
      "pointwise 128",
      "depthwise 128",
    ]);
    const ends = sizes({ refinement: { width: 64, kernel: 3, scales: [8] } }).slice(-7);
    expect(ends[0]).toBe("resize 64");
    expect(ends.at(-1)).toBe("argmax 64");
    const refinement = { width: 64, kernel: 3, scales: [8, 2] };
    const shrunk = sizes({ shrink: 2, refinement }).filter((name) => !name.startsWith("pointwise"));
    expect(shrunk.slice(1, 3)).toEqual(["averagePool 256", "convolution 128"]);
    expect(shrunk.slice(-4)).toEqual(["resize 128", "add 128", "depthwise 128", "argmax 128"]);
  });

  test.each([
    ["not JSON", "{", "not JSON"],
    ["a shrink of 1", JSON.stringify({ ...SHIPPED, shrink: 1 }), "not an architecture: shrink"],
    ["what is no object", "null", "not an architecture: an object is expected"],
    [
      "scales that are no list",
      JSON.stringify({ ...SHIPPED, refinement: { width: 8, kernel: 3, scales: 8 } }),
      "refinement.scales",
    ],
    ["a stage that is null", JSON.stringify({ ...SHIPPED, stages: [null, null, null, null] }), "stages[0]"],
    [
      "a block that is null",
      JSON.stringify({
        ...SHIPPED,
        stages: [1, 2, 3, 4].map(() => ({ width: 8, kernel: 3, blocks: [null] })),
      }),
      "stages[0].blocks",
    ],
    ["stages missing", JSON.stringify({ ...SHIPPED, stages: undefined }), "stages"],
    ["a pool that does not fit", TEXT.replace('"pool": 8', '"pool": 16'), "stages[0].blocks"],
    [
      "scales upside down",
      JSON.stringify({ ...SHIPPED, refinement: { width: 8, kernel: 3, scales: [4, 8] } }),
      "refinement.scales",
    ],
  ])("refuses %s", (_, text, message) => {
    expect(() => parseArchitecture(text)).toThrow(message);
  });
});

describe("timing", () => {
  test("interpolation is exact on linear functions, inside and outside of the grid", () => {
    const times = kernels.depthwise!;
    for (const point of [
      [1, 3, 16, 8],
      [2, 7, 256, 640],
      [1, 5, 100, 200],
      [2, 6, 512, 1000],
      [1, 3, 4, 2],
    ]) {
      expect(interpolate(times, point)).toBeCloseTo(
        5 + 3 * point[0]! + 7 * point[1]! + 11 * point[2]! + 13 * point[3]!,
      );
    }
  });

  test("a prediction adds up rows of all operations", () => {
    const zero = (axes: KernelTimes["axes"]): KernelTimes => linear(axes, [0, 0, 0, 0]);
    const flat = Object.fromEntries(Object.entries(GRIDS).map(([kernel, axes]) => [kernel, zero(axes)]));
    const model = shapeModel(SHIPPED);
    const rows = modelInfo(model, plan(model, 256, 512)).ops.slice(1);
    const total = rows.reduce((sum, { height }) => sum + height, 0);
    expect(predict(model, { machine: {}, kernels: flat }, 256, 512)).toBeCloseTo((5 * total) / 1e6, 9);
  });

  test("a table of other grids is refused", () => {
    expect(parseTable(JSON.stringify(TABLE))).toEqual(TABLE);
    expect(() => parseTable("[]")).toThrow("convolution");
    const short = { ...kernels, add: { ...kernels.add!, nanoseconds: [1] } };
    expect(() => parseTable(JSON.stringify({ ...TABLE, kernels: short }))).toThrow("version: add");
  });
});

describe("commands", () => {
  const place = new Workplace();
  const network = place.write("network.json", TEXT);
  const table = place.write("table.json", JSON.stringify(TABLE));

  test("cost answers in text, in JSON and line by line", () => {
    const { parameters, macs } = costOf(SHIPPED, 512, 512);
    expect(place.run(["cost", network]).text).toContain(parameters.toLocaleString("en"));
    const json = JSON.parse(place.run(["cost", network, "--table", table, "--json"]).text);
    expect(json).toMatchObject([{ file: network, parameters, macs, milliseconds: expect.any(Number) }]);
    const lines = `${JSON.stringify(SHIPPED)}\nnonsense\n`;
    const [first, second] = place.run(["cost", "-", "--size", "64x64"], Buffer.from(lines)).text.split("\n");
    expect(JSON.parse(first!)).toEqual(costOf(SHIPPED, 64, 64));
    expect(JSON.parse(second!)).toEqual({ error: "the architecture is not JSON" });
  });

  test("standalone, memory is that of the exact bundle but for class names", () => {
    const tiny = "models/attendseg-camvid-micro";
    const model = parseModel(readFileSync(`${tiny}.aseg`));
    const names = model.metadata.classes.map((_, id) => `class ${id}`);
    const renamed = { ...model, metadata: { ...model.metadata, classes: names } };
    const path = place.write("tiny.json", readFileSync(`${tiny}.architecture.json`, "utf8"));
    const words = ["cost", path, "--size", "128x128", "--standalone", "--json"];
    const [cost] = JSON.parse(place.run(words).text);
    const { usedBytes } = planBundle(renamed, 128, 128);
    expect(cost.memoryBytes).toBe(usedBytes);
  });

  test("cost reads ONNX", () => {
    const model = parseModel(readFileSync("models/attendseg-camvid.aseg"));
    const path = place.write("network.onnx", exportQdq(model, 64, 64));
    const { parameters, macs, weightBytes } = costOf(SHIPPED, 512, 512);
    const [cost] = JSON.parse(place.run(["cost", path, "--json"]).text);
    expect(cost).toMatchObject({ file: path, parameters, macs, weightBytes });
    expectFailure(place.run(["cost", place.write("empty.onnx", "")]), 1, /empty\.onnx: /);
  });

  test("bench --check measures networks", () => {
    const result = place.run([
      "bench",
      "--check",
      table,
      network,
      "--rounds",
      "1",
      "--variant",
      "simd",
      "--json",
    ]);
    const { networks, medianError } = JSON.parse(result.text);
    expect(networks).toHaveLength(1);
    expect(networks[0].measured).toBeGreaterThan(0);
    expect(medianError).toBeCloseTo(Math.abs(networks[0].predicted / networks[0].measured - 1));
  });

  test("mistakes are named", () => {
    expectFailure(place.run(["cost", "missing.json"]), 1, /missing\.json: no such file/);
    expectFailure(place.run(["cost", table]), 1, /table\.json: not an architecture/);
    expectFailure(place.run(["cost", network, "--size", "100x100"]), 2, /--size 100x100/);
    expectFailure(place.run(["cost", network, "--table", network]), 1, /network\.json: not a table/);
    expectFailure(place.run(["bench"]), 2, /--table or --check/);
    expectFailure(place.run(["bench", "--check", table]), 2, /needs networks/);
  });
});
