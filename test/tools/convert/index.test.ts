/** Options, metadata and report of a conversion; calibration and its methods. */
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { parseModel } from "../../../src/model.js";
import { distinctColors } from "../../../tools/convert/aseg/metadata.js";
import { type Converted, convert } from "../../../tools/convert/index.js";
import { readOnnx } from "../../../tools/convert/onnx/read.js";
import { writeOnnx } from "../../../tools/convert/onnx/write.js";
import { Histogram, METHODS } from "../../../tools/convert/quantize/ranges.js";
import { Random } from "../../fixtures/random.js";
import { images, OnnxBuilder, TIMEOUT } from "./onnx-builder.js";

vi.setConfig({ testTimeout: TIMEOUT });

/** An attention condenser between convolutions, with a residual. */
function network(): Uint8Array {
  const b = new OnnxBuilder(21);
  const value = b.node("Relu", [b.conv("x", 3, 16, 3, { stride: 2 })]);
  const pooled = b.node("MaxPool", [value], { kernel_shape: [2, 2], strides: [2, 2] });
  const key = b.node("Sigmoid", [b.conv(pooled, 16, 16)]);
  const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
  const factor = b.node("Resize", [key, "", b.constant([1, 1, 2, 2])], nearest);
  const project = b.conv(b.node("Mul", [value, factor]), 16, 16);
  const swish = b.node("HardSwish", [b.conv(b.node("Add", [project, value]), 16, 16)]);
  return b.build(b.conv(swish, 16, 6));
}

const BYTES = network();
const convertTo = (bits: 7 | 8): Promise<Converted> =>
  convert(BYTES, { calibration: images(3), activationBits: bits });

describe("convert", () => {
  test("with 7 bits keeps what convolutions read in 0..127", async () => {
    const { model } = await convertTo(7);
    const [input, ...others] = model.tensors.slice(0, -1).map(({ min, max }) => [min, max].join());
    expect(input).toBe("-128,127");
    // What only the gate's table reads has all 8 bits, the logits have 13.
    expect(others).toEqual(["0,127", "0,127", "-128,127", "0,127", "0,127", "0,127", "0,127", "-4096,4095"]);
    const relu = model.tensors[1]!;
    expect(relu.zero).toBe(0);
  });

  test("with 8 bits uses all of them", async () => {
    const { model, report } = await convertTo(8);
    for (const { min, max } of model.tensors.slice(0, -2)) expect([min, max]).toEqual([-128, 127]);
    const seven = await convertTo(7);
    expect(report.chosen!.decibels).toBeGreaterThan(seven.report.chosen!.decibels);
  });

  test("gives logits of 8 bits where they are asked for", async () => {
    const options = { calibration: images(3), activationBits: 8 } as const;
    const { model } = await convert(BYTES, { ...options, logitBits: 8 });
    expect(model.tensors.at(-2)).toMatchObject({ min: -128, max: 127 });
    expect((await convert(BYTES, options)).model.tensors.at(-2)).toMatchObject({ min: -4096, max: 4095 });
  });

  test("by default uses 8 bits, unless 7 reach 20 dB and agree on as many pixels up to 0.1 points", async () => {
    const { report, model } = await convert(BYTES, { calibration: images(3) });
    const best = (bits: 7 | 8) => report.trials.filter((trial) => trial.bits === bits);
    const eight = best(8).reduce((a, b) => (b.decibels > a.decibels ? b : a));
    const [seven] = best(7);
    expect(best(7).length).toBe(1);
    const isCheap = seven!.agreement >= eight.agreement - 0.001 && seven!.decibels >= 20;
    expect(report.chosen).toBe(isCheap ? seven : eight);
    expect(model.tensors[1]!.min).toBe(report.chosen!.bits === 7 ? 0 : -128);
  });

  test("reports what was tried, picks the best and lists the worst tensors first", async () => {
    const { report, model } = await convertTo(7);
    expect(report).toMatchObject({
      kind: "float",
      opset: 17,
      format: "ONNX",
      nodes: 12,
      operations: 10,
      pictures: 3,
      notes: [],
    });
    const asked = report.trials.filter(({ bits }) => bits === 7);
    expect(new Set(asked.map(({ method }) => method))).toEqual(new Set(METHODS));
    const best = asked.reduce((a, b) => (b.decibels > a.decibels ? b : a));
    expect(report.chosen).toEqual(best);
    expect(best.decibels).toBeGreaterThan(20);
    const decibels = report.tensors.map((tensor) => tensor.decibels);
    expect(decibels).toEqual([...decibels].sort((a, b) => a - b));
    expect(report.tensors.length).toBe(model.tensors.length - 2);
  });

  test("gives the same bytes for the same input, and a file that parses", async () => {
    const [first, second] = [await convertTo(7), await convertTo(7)];
    expect(first.bytes).toEqual(second.bytes);
    expect(parseModel(first.bytes)).toEqual(first.model);
  });

  test("writes the metadata", async () => {
    const calibration = images(1);
    const plain = (await convert(BYTES, { calibration, method: "mse" })).model;
    expect(plain.metadata).toMatchObject({
      name: "model",
      classes: [0, 1, 2, 3, 4, 5].map((id) => `class ${id}`),
    });
    expect(plain.metadata.palette).toEqual(distinctColors(6));
    expect(plain.metadata.tensors?.length).toBe(plain.tensors.length);
    const sha256 = createHash("sha256").update(BYTES).digest("hex");
    expect(plain.metadata.provenance).toEqual({ sha256, converter: expect.any(String) });
    const classes = ["sky", "road", "car", "tree", "house", "person"];
    const palette = classes.map((_, id) => [id, 0, 0] as const);
    const options = {
      calibration,
      method: "mse",
      classes,
      palette,
      name: "street",
      sourceName: "a.onnx",
    } as const;
    const { metadata } = (await convert(BYTES, options)).model;
    expect(metadata).toMatchObject({
      name: "street",
      classes,
      palette,
      provenance: { source: "a.onnx", sha256 },
    });
  });

  test("reads weights from files next to the model", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attendseg-convert-"));
    const stored = readOnnx(BYTES);
    const data: number[] = [];
    const initializers = stored.initializers.map(({ raw, ...tensor }) => {
      const external = { location: "weights.bin", offset: String(data.length), length: String(raw!.length) };
      data.push(...raw!);
      return { ...tensor, external };
    });
    writeFileSync(join(folder, "weights.bin"), Uint8Array.from(data));
    const bytes = writeOnnx({ ...stored, initializers });
    const options = { calibration: images(1), method: "min-max" } as const;
    const { model } = await convert({ bytes, folder }, options);
    expect(model.ops).toEqual((await convert(BYTES, options)).model.ops);
  });

  test("reports progress", async () => {
    const steps: string[] = [];
    const onProgress = (part: string, done: number, total: number) => steps.push(`${part} ${done}/${total}`);
    await convert(BYTES, { calibration: images(2), onProgress });
    // five methods, with three equalizations, and once with another number of bits; one comparison of all tensors
    const measured = Array.from({ length: 17 }, (_, i) => `compare ${i + 1}/17`);
    expect(steps).toEqual(["calibrate 1/0", "calibrate 2/0", ...measured]);
  });

  test("takes images one by one", async () => {
    async function* load(): AsyncGenerator<Uint8Array> {
      yield* images(2);
    }
    const { report } = await convert(BYTES, { calibration: load(), method: "min-max" });
    expect(report.pictures).toBe(2);
  });

  test.each([
    ["no images", {}, "a float model needs images to calibrate with"],
    ["an empty list of images", { calibration: [] }, "there are no images to calibrate with"],
    [
      "an image of another size",
      { calibration: images(1, 8, 8) },
      "an image of 4608 bytes expected, got 192",
    ],
    [
      "too few names",
      { calibration: images(1), classes: ["one"] },
      "6 logits a pixel, but there are 1 class names",
    ],
    ["an output that is not there", { output: "z" }, 'there is no output "z"; the file has: conv'],
    ["a size that the file does not take", { size: { width: 0, height: 4 } }, "its size is open"],
  ])("refuses %s", async (_, options, message) => {
    await expect(convert(BYTES, options)).rejects.toThrow(message);
  });
});

describe("distinctColors", () => {
  test("are distinct and within 0..255", () => {
    const colors = distinctColors(256);
    expect(new Set(colors.map((color) => color.join())).size).toBeGreaterThan(250);
    for (const level of colors.flat())
      expect(level >= 0 && level <= 255 && Number.isInteger(level)).toBe(true);
  });
});

describe("Histogram", () => {
  const random = new Random(4);
  const values = Float32Array.from({ length: 20_000 }, () => random.integer(-1000, 1000) / 1000);

  test("of several parts has the ranges of the whole", () => {
    const whole = new Histogram();
    whole.add(values);
    const parts = new Histogram();
    parts.add(values.subarray(0, 5).map((value) => value / 1000));
    parts.add(values);
    for (const method of METHODS) {
      const [a, b] = [whole.range(method, 255), parts.range(method, 255)];
      expect(b.min).toBeCloseTo(a.min, 2);
      expect(b.max).toBeCloseTo(a.max, 2);
    }
  });

  test("leaves outliers out, by percentile and by least squares", () => {
    const histogram = new Histogram();
    histogram.add(values);
    histogram.add([100]);
    expect(histogram.range("min-max", 127).max).toBe(100);
    expect(histogram.range("99.9 %", 127).max).toBeLessThan(1.2);
    expect(histogram.range("mse", 127).max).toBeLessThan(100);
  });

  test("of numbers of one sign begins at 0 or the smallest", () => {
    const histogram = new Histogram();
    histogram.add(values.map(Math.abs));
    for (const method of METHODS) expect(histogram.range(method, 127).min).toBeLessThan(0.01);
    expect(new Histogram().range("mse", 127)).toEqual({ min: 0, max: 0 });
  });
});
