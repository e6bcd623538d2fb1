/** Every ONNX operation, in a tiny network of its own, against onnxruntime's float result. */
import { describe, expect, test, vi } from "vitest";
import { convertAndCompare } from "./compared.js";
import { type Attribute, OnnxBuilder, TIMEOUT } from "./onnx-builder.js";

vi.setConfig({ testTimeout: TIMEOUT });

/** Puts one operation between a convolution of 3 to 8 channels and one to 4 logits. */
type Insert = (b: OnnxBuilder, x: string) => string | readonly [output: string, channels: number];

const call =
  (type: string, attributes: Readonly<Record<string, Attribute>> = {}): Insert =>
  (b, x) =>
    b.node(type, [x], attributes);

const window = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
const half = { coordinate_transformation_mode: "half_pixel", mode: "linear" };

const CASES: readonly (readonly [string, readonly string[], Insert])[] = [
  ["Relu", ["clamp"], call("Relu")],
  ["LeakyRelu", ["activation"], call("LeakyRelu", { alpha: { float: 0.1 } })],
  ["PRelu of one slope", ["activation"], (b, x) => b.node("PRelu", [x, b.constant([0.2], [1, 1, 1])])],
  ["Elu", ["activation"], call("Elu")],
  ["Sigmoid", ["activation"], call("Sigmoid")],
  ["HardSigmoid", ["activation"], call("HardSigmoid", { alpha: { float: 1 / 6 } })],
  ["HardSwish", ["activation"], call("HardSwish")],
  ["Tanh", ["activation"], call("Tanh")],
  ["Softplus", ["activation"], call("Softplus")],
  ["Erf", ["activation"], call("Erf")],
  ["Abs", ["activation"], call("Abs")],
  ["Clip", ["clamp"], (b, x) => b.node("Clip", [x, b.number(-0.5), b.number(0.75)])],
  ["Clip with one bound", ["clamp"], (b, x) => b.node("Clip", [x, "", b.number(0.5)])],
  ["Relu6", ["clamp"], (b, x) => b.node("Clip", [x, b.number(0), b.number(6)])],
  ["Max with a number", ["clamp"], (b, x) => b.node("Max", [x, b.number(-0.25)])],
  ["SiLU", ["activation"], (b, x) => b.node("Mul", [x, b.node("Sigmoid", [x])])],
  [
    "HardSwish of a sum",
    ["pointwise", "add", "lookup"],
    (b, x) => b.node("HardSwish", [b.node("Add", [x, b.conv(x, 8, 8)])]),
  ],
  [
    "HardSwish in parts",
    ["activation"],
    (b, x) => {
      const clipped = b.node("Clip", [b.node("Add", [x, b.number(3)]), b.number(0), b.number(6)]);
      return b.node("Div", [b.node("Mul", [x, clipped]), b.number(6)]);
    },
  ],
  [
    "GELU in parts",
    ["activation"],
    (b, x) => {
      const erf = b.node("Erf", [b.node("Div", [x, b.number(Math.SQRT2)])]);
      return b.node("Mul", [b.node("Mul", [x, b.node("Add", [erf, b.number(1)])]), b.number(0.5)]);
    },
  ],
  ["Conv with groups", ["convolution"], (b, x) => [b.conv(x, 8, 12, 3, { group: 4 }), 12]],
  ["Conv 5x5, stride 2", ["convolution"], (b, x) => b.conv(x, 8, 8, 5, { stride: 2 })],
  ["Conv with dilation", ["convolution"], (b, x) => b.conv(x, 8, 8, 3, { dilation: 2 })],
  ["Conv without bias", ["convolution"], (b, x) => b.conv(x, 8, 8, 3, { bias: false })],
  ["Conv with padding on two sides", ["convolution"], (b, x) => b.conv(x, 8, 8, 3, { pads: [0, 0, 2, 1] })],
  ["Conv 1x1 with padding", ["pad", "pointwise"], (b, x) => b.conv(x, 8, 8, 1, { pads: [1, 1, 1, 1] })],
  ["Conv 1x1 with stride", ["convolution"], (b, x) => b.conv(x, 8, 8, 1, { stride: 2 })],
  ["Conv depthwise", ["depthwise"], (b, x) => b.conv(x, 8, 8, 3, { group: 8 })],
  ["Conv pointwise", ["pointwise"], (b, x) => [b.conv(x, 8, 10), 10]],
  ["MaxPool", ["maxPool"], call("MaxPool", window)],
  [
    "MaxPool, ceil_mode",
    ["maxPool"],
    call("MaxPool", { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  ],
  ["AveragePool", ["averagePool"], call("AveragePool", window)],
  ["AveragePool of padding", ["averagePool"], call("AveragePool", { ...window, count_include_pad: 1 })],
  [
    "AveragePool, SAME_UPPER",
    ["averagePool"],
    call("AveragePool", { ...window, pads: [0, 0, 0, 0], auto_pad: "SAME_UPPER" }),
  ],
  ["GlobalAveragePool", ["globalAveragePool"], call("GlobalAveragePool")],
  ["AveragePool of the whole", ["globalAveragePool"], call("AveragePool", { kernel_shape: [16, 24] })],
  ["ReduceMean over space", ["globalAveragePool"], call("ReduceMean", { axes: [2, 3], keepdims: 1 })],
  ["BatchNormalization", [], (b, x) => b.batchNorm(x, 8)],
  ["BatchNormalization after Relu", ["clamp", "depthwise"], (b, x) => b.batchNorm(b.node("Relu", [x]), 8)],
  ["Mul by one number a channel", [], (b, x) => b.node("Mul", [x, b.noise([1, 8, 1, 1], 1)])],
  ["Add of one number a channel", [], (b, x) => b.node("Add", [b.noise([8, 1, 1], 1), x])],
  ["Sub from a number", ["activation"], (b, x) => b.node("Sub", [b.number(1), b.node("Abs", [x])])],
  ["Add of two", ["pointwise", "add"], (b, x) => b.node("Add", [x, b.conv(x, 8, 8)])],
  ["Sub of two", ["pointwise", "activation", "add"], (b, x) => b.node("Sub", [x, b.conv(x, 8, 8)])],
  ["Sum of three", ["pointwise", "add", "add"], (b, x) => b.node("Sum", [x, b.conv(x, 8, 8), x])],
  [
    "Add and Relu",
    ["pointwise", "add", "clamp"],
    (b, x) => b.node("Relu", [b.node("Add", [x, b.conv(x, 8, 8)])]),
  ],
  ["Mul of two", ["pointwise", "multiply"], (b, x) => b.node("Mul", [b.conv(x, 8, 8), x])],
  [
    "squeeze and excitation",
    ["globalAveragePool", "pointwise", "activation", "multiply"],
    (b, x) => b.node("Mul", [b.node("Sigmoid", [b.conv(b.node("GlobalAveragePool", [x]), 8, 8)]), x]),
  ],
  [
    "one channel for all",
    ["pointwise", "activation", "pointwise", "multiply"],
    (b, x) => b.node("Mul", [x, b.node("Sigmoid", [b.conv(x, 8, 1)])]),
  ],
  ["Concat", ["pointwise", "concat"], (b, x) => [b.node("Concat", [x, b.conv(x, 8, 3)], { axis: 1 }), 11]],
  [
    "Concat of six",
    ["pointwise", "pointwise", "concat", "concat"],
    (b, x) => {
      const [y, z] = [b.conv(x, 8, 3), b.conv(x, 8, 5)];
      return [b.node("Concat", [x, y, z, x, y, z], { axis: -3 }), 32];
    },
  ],
  [
    "Pad before Conv",
    ["convolution"],
    (b, x) => b.conv(pad(b, x, [0, 0, 0, 0, 0, 0, 1, 1]), 8, 8, 3, { pads: [0, 0, 0, 0] }),
  ],
  ["Pad with a value", ["pad"], (b, x) => b.node("Pad", [x, b.ints(0, 0, 1, 2, 0, 0, 0, 1), b.number(0.5)])],
  [
    "Pad before AveragePool",
    ["averagePool"],
    (b, x) => b.node("AveragePool", [pad(b, x, [0, 0, 1, 1, 0, 0, 1, 1])], { kernel_shape: [3, 3] }),
  ],
  [
    "Pad before MaxPool",
    ["clamp", "maxPool"],
    (b, x) =>
      b.node("MaxPool", [pad(b, b.node("Relu", [x]), [0, 0, 1, 1, 0, 0, 1, 1])], { kernel_shape: [3, 3] }),
  ],
  [
    "Resize to the nearest",
    ["resize"],
    (b, x) => resize(b, x, 2, { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }),
  ],
  [
    "Resize to the nearest centre",
    ["resize"],
    (b, x) => resize(b, x, 3, { coordinate_transformation_mode: "half_pixel" }),
  ],
  ["Resize, half-pixel", ["resize"], (b, x) => resize(b, x, 2, half)],
  [
    "Resize by four",
    ["resize"],
    (b, x) => resize(b, x, 4, { ...half, coordinate_transformation_mode: "pytorch_half_pixel" }),
  ],
  [
    "Resize, aligned corners",
    ["resize"],
    (b, x) => resize(b, x, 2, { ...half, coordinate_transformation_mode: "align_corners" }),
  ],
  ["Resize to half", ["resize"], (b, x) => resize(b, x, 0.5, half)],
  ["Resize to sizes", ["resize"], (b, x) => b.node("Resize", [x, "", "", b.ints(1, 8, 24, 36)], half)],
  [
    "Upsample in an old file's words",
    ["resize"],
    (b, x) =>
      b.node("Resize", [x, "", b.constant([1, 1, 2, 2])], {
        mode: "nearest",
        coordinate_transformation_mode: "asymmetric",
        nearest_mode: "floor",
      }),
  ],
  [
    "Resize to the size of another",
    ["globalAveragePool", "resize", "concat"],
    (b, x) => {
      const sizes = b.node(
        "Concat",
        [b.ints(1, 8), b.node("Slice", [b.node("Shape", [x]), b.ints(2), b.ints(4)])],
        { axis: 0 },
      );
      const wide = b.node("Resize", [b.node("GlobalAveragePool", [x]), "", "", sizes], half);
      return [b.node("Concat", [x, wide], { axis: 1 }), 16];
    },
  ],
  [
    "Identity, Dropout and Cast",
    [],
    (b, x) => b.node("Cast", [b.node("Dropout", [b.node("Identity", [x])])], { to: 1 }),
  ],
  [
    "attention condenser",
    ["maxPool", "pointwise", "gate"],
    (b, x) => {
      const key = b.conv(b.node("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] }), 8, 8);
      const factor = b.node("Add", [b.node("Mul", [b.node("Sigmoid", [key]), b.number(0.7)]), b.number(1)]);
      return b.node("Mul", [
        resize(b, factor, 2, { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }),
        x,
      ]);
    },
  ],
  [
    "attention condenser, upsampled first",
    ["maxPool", "pointwise", "gate"],
    (b, x) => {
      const key = b.conv(b.node("MaxPool", [x], { kernel_shape: [4, 4], strides: [4, 4] }), 8, 8);
      return b.node("Mul", [
        x,
        b.node("Sigmoid", [
          resize(b, key, 4, { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }),
        ]),
      ]);
    },
  ],
  [
    "attention at full size",
    ["pointwise", "gate"],
    (b, x) => b.node("Mul", [x, b.node("Sigmoid", [b.conv(x, 8, 8)])]),
  ],
];

function pad(b: OnnxBuilder, x: string, pads: readonly number[]): string {
  return b.node("Pad", [x, b.ints(...pads)]);
}

function resize(
  b: OnnxBuilder,
  x: string,
  factor: number,
  attributes: Readonly<Record<string, Attribute>>,
): string {
  return b.node("Resize", [x, "", b.constant([1, 1, factor, factor])], attributes);
}

describe("each ONNX operation", () => {
  test.each(CASES)("%s", async (_, expected, insert) => {
    const b = new OnnxBuilder(3);
    const stem = b.conv("x", 3, 8, 3, { stride: 2 });
    const result = insert(b, stem);
    const [output, channels] = typeof result === "string" ? ([result, 8] as const) : result;
    const { operations, model } = await convertAndCompare(b.build(b.conv(output, channels, 4)));
    expect(operations).toEqual(["convolution", ...expected.filter((name) => name !== "clamp"), "pointwise"]);
    const clamped = model.tensors
      .slice(0, -1)
      .some(({ min, max, zero }) => (min === zero && max > min) || min > -128 || max < 127);
    if (expected.includes("clamp")) expect(clamped).toBe(true);
  });
});
