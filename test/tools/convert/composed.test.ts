/** Operations that become several of ours, and groups of nodes that become one: in floating point, then with 8 bits. */
import { describe, expect, test, vi } from "vitest";
import { kindOf } from "../../../src/ops.js";
import { loweredError } from "./float.js";
import { judge } from "./judged.js";
import { type Attribute, OnnxBuilder, TIMEOUT } from "./onnx-builder.js";

vi.setConfig({ testTimeout: TIMEOUT });

/** Of the lowered graph: what float32 sums in another order may differ by. */
const EXACT = 1e-3;
const DECIBELS = 20;

/** Between a 3x3 convolution to 8 channels and one to 4 scores: the output and its channels. */
type Part = (b: OnnxBuilder, x: string) => readonly [output: string, channels: number];

function network(part: Part, opset = 17): Uint8Array {
  const b = new OnnxBuilder(3, [1, 3, 64, 64]);
  const [output, channels] = part(b, b.conv("x", 3, 8, 3, { stride: 2 }));
  return b.build(b.conv(output, channels, 4), opset);
}

/** A norm as exporters without the operator write it. */
function normInParts(b: OnnxBuilder, x: string, axes: readonly number[], isTwice = false): string {
  const mean = (of: string): string => b.node("ReduceMean", [of], { axes, keepdims: 1 });
  const average = mean(x);
  const difference = b.node("Sub", [x, average]);
  const again = isTwice ? b.node("Sub", [x, average]) : difference;
  const variance = mean(isTwice ? b.node("Mul", [again, again]) : b.node("Pow", [again, b.number(2)]));
  const deviation = b.node("Sqrt", [b.node("Add", [variance, b.number(1e-5)])]);
  return b.node("Div", [difference, deviation]);
}

const reduced = (b: OnnxBuilder, type: string, x: string, axes: readonly number[]): string =>
  b.node(type, [x], { axes, keepdims: 1 });

const PARTS: readonly (readonly [string, Part])[] = [
  ["Softmax of 8 channels", (b, x) => [b.node("Softmax", [x], { axis: 1 }), 8]],
  [
    "Softmax of one channel of 16 among others, far apart",
    (b, x) => {
      const wide = b.node("Mul", [b.conv(x, 8, 16), b.number(6)]);
      return [b.node("Concat", [b.node("Softmax", [wide], { axis: 1 }), x], { axis: 1 }), 24];
    },
  ],
  [
    "LayerNorm in parts, channels last",
    (b, x) => {
      const last = b.node("Transpose", [x], { perm: [0, 2, 3, 1] });
      const scaled = b.node("Mul", [normInParts(b, last, [-1]), b.noise([8], 0.5, 1)]);
      const shifted = b.node("Add", [scaled, b.noise([8], 0.3)]);
      return [b.node("Transpose", [shifted], { perm: [0, 3, 1, 2] }), 8];
    },
  ],
  [
    "LayerNorm in parts over axis 1, the difference written twice",
    (b, x) => [normInParts(b, x, [1], true), 8],
  ],
  ["a norm of each plane in parts", (b, x) => [normInParts(b, x, [2, 3]), 8]],
  ["a norm of everything in parts", (b, x) => [normInParts(b, x, [1, 2, 3]), 8]],
  ["ReduceL1 over channels", (b, x) => [b.node("Mul", [x, reduced(b, "ReduceL1", x, [1])]), 8]],
  ["ReduceL1 over planes", (b, x) => [b.node("Mul", [x, reduced(b, "ReduceL1", x, [2, 3])]), 8]],
  ["ReduceL2 over channels", (b, x) => [b.node("Mul", [x, reduced(b, "ReduceL2", x, [1])]), 8]],
  ["ReduceL2 over planes", (b, x) => [b.node("Mul", [x, reduced(b, "ReduceL2", x, [2, 3])]), 8]],
  [
    "ReduceSumSquare over channels",
    (b, x) => [b.node("Concat", [x, reduced(b, "ReduceSumSquare", x, [1])], { axis: 1 }), 9],
  ],
];

describe("parts", () => {
  test.each(PARTS)("%s", async (_, part) => {
    const bytes = network(part);
    expect(await loweredError(bytes)).toBeLessThan(EXACT);
    expect((await judge(bytes)).decibels).toBeGreaterThan(DECIBELS);
  });
});

test("a norm in parts becomes one operation", async () => {
  const { model } = await judge(network((b, x) => [normInParts(b, x, [1]), 8]));
  const operations = model.ops.map((op) => kindOf(op).name);
  expect(operations).toEqual(["input", "convolution", "groupNorm", "pointwise", "argmax"]);
});

describe("ends with channels last", () => {
  const resized = (
    scales: (b: OnnxBuilder) => string[],
    attributes: Record<string, Attribute> = {},
  ): Uint8Array => {
    const b = new OnnxBuilder(3, [1, 3, 64, 64]);
    const scores = b.conv(b.conv("x", 3, 8, 3, { stride: 2 }), 8, 4);
    const last = b.node("Transpose", [scores], { perm: [0, 2, 3, 1] });
    const wide = b.node("Resize", [last, "", ...scales(b)], { mode: "linear", ...attributes });
    return b.build(b.node("ArgMax", [wide], { axis: 3, keepdims: 0 }), 18);
  };
  test("Transpose, Resize by factors, ArgMax", async () => {
    const { agreement } = await judge(resized((b) => [b.constant([1, 2, 2, 1])]));
    expect(agreement).toBeGreaterThan(0.97);
  });
  test("Transpose, Resize to sizes of two axes, ArgMax", async () => {
    const { agreement } = await judge(resized((b) => ["", b.ints(64, 64)], { axes: [1, 2] }));
    expect(agreement).toBeGreaterThan(0.97);
  });
});
