import { expect, test, vi } from "vitest";
import { compare } from "../../../tools/compare/index.js";
import { convert, exportQdq } from "../../../tools/convert/index.js";
import { buildFixture } from "../../fixtures/fixture.js";
import { images, OnnxBuilder, TIMEOUT } from "../convert/onnx-builder.js";

vi.setConfig({ testTimeout: TIMEOUT });

const fixture = buildFixture();
const quantized = exportQdq(fixture, fixture.height, fixture.width);
const FRAMES = images(2, 64, 48);

test("a quantised file: one row an operation, each given onnxruntime's inputs", async () => {
  const { model } = await convert(quantized);
  const done: number[] = [];
  const result = await compare(quantized, model, FRAMES, { onImage: (count) => done.push(count) });
  expect(result).toMatchObject({ kind: "quantized", pictures: 2, width: 64, height: 48, tensors: [] });
  expect(result.operations.length).toBe(model.ops.length - 1);
  expect(result.operations[1]).toEqual({
    index: 1,
    operation: "convolution",
    name: "tensor1",
    values: 2 * 24 * 32 * 12,
    differing: 0,
    largest: 0,
  });
  expect(done).toEqual([1, 2]);
});

test("finds the one operation that is wrong", async () => {
  const { model } = await convert(quantized);
  const index = model.ops.findIndex((op) => op.bias.length > 0 && op.output === 4);
  const wrong = { ...model.ops[index]!, bias: model.ops[index]!.bias.map((value) => value + 5000) };
  const ops = model.ops.map((op, at) => (at === index ? wrong : op));
  const { operations } = await compare(quantized, { ...model, ops }, FRAMES.slice(0, 1));
  expect(operations.filter(({ largest }) => largest > 1).map((row) => row.index)).toEqual([index]);
});

test("masks come from whatever runs the model", async () => {
  const { model } = await convert(quantized);
  const run = () => model.tensors.map(({ channels }) => new Int8Array(48 * 64 * channels));
  const { maskAgreement } = await compare(quantized, model, FRAMES.slice(0, 1), { run });
  expect(maskAgreement).toBeLessThan(1);
});

test("a float file: correlation and signal to noise of each tensor", async () => {
  const b = new OnnxBuilder(31);
  const bytes = b.build(b.conv(b.node("HardSwish", [b.conv("x", 3, 8, 3)]), 8, 4));
  const { model } = await convert(bytes, { calibration: images(2), method: "min-max" });
  const result = await compare(bytes, model, images(1));
  expect(result).toMatchObject({ kind: "float", operations: [] });
  expect(result.tensors.map(({ operation }) => operation)).toEqual(["convolution", "pointwise"]);
  for (const { correlation, decibels } of result.tensors) {
    expect(correlation).toBeGreaterThan(0.99);
    expect(decibels).toBeGreaterThan(20);
  }
  expect(result.maskAgreement).toBeGreaterThan(0.9);
});

test("refuses an image of another size", async () => {
  const { model } = await convert(quantized);
  await expect(compare(quantized, model, images(1))).rejects.toThrow("an image of 64x48 expected");
});
