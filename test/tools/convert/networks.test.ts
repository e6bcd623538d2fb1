/** Whole networks that nobody designed for this engine, against onnxruntime's float result. */
import { describe, expect, test, vi } from "vitest";
import { toInput } from "../../../tools/convert/feed.js";
import { convert } from "../../../tools/convert/index.js";
import { runReference } from "../../../tools/reference/run.js";
import { convertAndCompare } from "./compared.js";
import { images, OnnxBuilder, TIMEOUT } from "./onnx-builder.js";

vi.setConfig({ testTimeout: TIMEOUT });

const HALF = { mode: "linear", coordinate_transformation_mode: "half_pixel" };

/** The size of a tensor as a file with open sizes computes it: [1, channels, height, width]. */
function sizesLike(b: OnnxBuilder, channels: number, like: string): string {
  const size = b.node("Slice", [b.node("Shape", [like]), b.ints(2), b.ints(4), b.ints(0)]);
  return b.node("Concat", [b.ints(1, channels), b.node("Cast", [size], { to: 7 })], { axis: 0 });
}

/** ReLU, SiLU and HardSwish, grouped convolutions, concat, average and global pooling, as PyTorch exports them. */
function mixed(dims: readonly number[]): Uint8Array {
  const b = new OnnxBuilder(11, dims);
  const silu = (x: string): string => b.node("Mul", [x, b.node("Sigmoid", [x])]);
  const stem = silu(b.conv("x", 3, 16, 3, { stride: 2 }));
  const left = b.node("Relu", [b.conv(stem, 16, 32, 3, { group: 4 })]);
  const right = b.node("HardSwish", [b.conv(stem, 16, 32)]);
  const joined = b.node("Concat", [left, right], { axis: 1 });
  const mix = b.node("HardSwish", [b.conv(joined, 64, 32, 3, { group: 32, dilation: 2 })]);
  const window = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
  const average = b.node("AveragePool", [mix], { ...window, count_include_pad: 1 });
  const largest = b.node("MaxPool", [mix], window);
  const squeezed = b.node("GlobalAveragePool", [mix]);
  const excited = b.node("Mul", [average, b.node("Sigmoid", [b.conv(squeezed, 32, 32)])]);
  const context = b.conv(squeezed, 32, 8);
  const wide = b.node("Resize", [context, "", "", sizesLike(b, 8, average)], HALF);
  const logits = b.conv(b.node("Concat", [excited, largest, wide], { axis: 1 }), 72, 7);
  return b.build(b.node("Resize", [logits, "", b.constant([1, 1, 4, 4])], HALF));
}

/** BatchNormalization before, between and after convolutions, as its own nodes. */
function separate(): Uint8Array {
  const b = new OnnxBuilder(12);
  const first = b.batchNorm("x", 3);
  const stem = b.node("Relu", [b.batchNorm(b.conv(first, 3, 16, 3, { stride: 2, bias: false }), 16)]);
  const body = b.batchNorm(b.conv(stem, 16, 24, 3, { stride: 2 }), 24);
  const active = b.node("Relu", [b.batchNorm(body, 24)]);
  const sum = b.node("Add", [active, body]);
  const logits = b.conv(sum, 24, 5);
  return b.build(b.node("ArgMax", [b.node("Softmax", [logits], { axis: 1 })], { axis: 1, keepdims: 0 }));
}

describe("a network with ReLU, SiLU, HardSwish, groups, concat and pooling", () => {
  test.each([
    ["of a fixed size", [1, 3, 32, 48]],
    ["of an open size", [0, 3, 0, 0]],
  ])("%s", async (_, dims) => {
    const { comparison, operations, model, report } = await convertAndCompare(mixed(dims), 0.99, {
      size: { width: 48, height: 32 },
    });
    expect(new Set(operations)).toEqual(
      new Set(
        [
          "convolution",
          "activation",
          "pointwise",
          "concat",
          "depthwise",
          "averagePool",
          "maxPool",
          "globalAveragePool",
          "multiply",
          "resize",
        ].filter((name) => name !== "depthwise" || operations.includes("depthwise")),
      ),
    );
    expect(model.stride).toBe(4);
    expect(comparison.maskAgreement).toBeGreaterThan(0.9);
    expect(report.tensors[0]!.correlation).toBeGreaterThan(0.99);
  });

  test("runs at another size than the one it was converted at", async () => {
    const { model } = await convert(mixed([1, 3, 32, 48]), { calibration: images(2), method: "min-max" });
    const tensors = runReference(model, toInput(images(1, 64, 40)[0]!), 40, 64);
    expect(tensors[model.ops.at(-1)!.inputs[0]!]!.length).toBe(7 * 10 * 16);
  });
});

test("a network with BatchNormalization kept separate", async () => {
  const { comparison, operations } = await convertAndCompare(separate());
  expect(operations).toEqual(["depthwise", "convolution", "convolution", "depthwise", "add", "pointwise"]);
  expect(comparison.maskAgreement).toBeGreaterThan(0.95);
});

test("an image normalised before the network", async () => {
  const b = new OnnxBuilder(13);
  const bytes = b.build(b.conv(b.node("Relu", [b.conv("x", 3, 8, 3)]), 8, 4));
  const options = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  const { operations } = await convertAndCompare(bytes, 0.99, options);
  expect(operations).toEqual(["depthwise", "convolution", "pointwise"]);
});

test("an input of [1, height, width, 3]", async () => {
  const b = new OnnxBuilder(14, [1, 32, 48, 3]);
  const first = b.node("Transpose", ["x"], { perm: [0, 3, 1, 2] });
  const logits = b.conv(b.node("Relu", [b.conv(first, 3, 8, 3)]), 8, 4);
  await convertAndCompare(b.build(b.node("Transpose", [logits], { perm: [0, 2, 3, 1] })));
});
