/** Quantised (QDQ) files: taken exactly as they are, and written back. */
import { describe, expect, test, vi } from "vitest";
import { kindOf, type Model } from "../../../src/ops.js";
import { type Comparison, compare } from "../../../tools/compare/index.js";
import { convert, exportQdq } from "../../../tools/convert/index.js";
import { FLOAT, INT8, INT32, UINT8 } from "../../../tools/convert/onnx/read.js";
import { buildFixture } from "../../fixtures/fixture.js";
import { expectRefusedOrConverted } from "./damaged.js";
import { images, OnnxBuilder, TIMEOUT } from "./onnx-builder.js";

vi.setConfig({ testTimeout: TIMEOUT });

/** Scale and zero point. */
type Parameters = readonly [scale: number, zero: number];

class QuantizedBuilder extends OnnxBuilder {
  constructor(private readonly type: typeof INT8 | typeof UINT8) {
    super(5);
  }

  /** The input, given as integers. */
  integers(x: string, [scale, zero]: Parameters): string {
    const offset = this.type === UINT8 ? 128 : 0;
    const parameters = [this.number(scale), this.constant([zero + offset], [], this.type)];
    return this.node("DequantizeLinear", [x, ...parameters]);
  }

  /** A quantised and again dequantised tensor; the zero point is that of int8. */
  quantized(x: string, [scale, zero]: Parameters, clip?: readonly [number, number]): string {
    const offset = this.type === UINT8 ? 128 : 0;
    const parameters = [this.number(scale), this.constant([zero + offset], [], this.type)];
    let integers = this.node("QuantizeLinear", [x, ...parameters]);
    if (clip) {
      const bounds = clip.map((bound) => this.constant([bound + offset], [], this.type));
      integers = this.node("Clip", [integers, ...bounds]);
    }
    return this.node("DequantizeLinear", [integers, ...parameters]);
  }

  /** A convolution with int8 weights, one scale a channel or one for all. */
  quantizedConv(
    x: string,
    inputs: number,
    outputs: number,
    kernel: number,
    inScale: number,
    isPerChannel = true,
  ): string {
    const taps = inputs * kernel * kernel;
    const weights = Array.from({ length: outputs * taps }, () => this.random.integer(-127, 127));
    const bias = Array.from({ length: outputs }, () => this.random.integer(-3000, 3000));
    const count = isPerChannel ? outputs : 1;
    const scales = Array.from({ length: count }, (_, o) =>
      Math.fround((1 + (o % 3)) / (40 * Math.sqrt(taps) * 40)),
    );
    const dims = isPerChannel ? [outputs] : [];
    const zeros = new Array<number>(count).fill(0);
    const attributes: Record<string, number> = isPerChannel ? { axis: 0 } : {};
    const w = this.node(
      "DequantizeLinear",
      [
        this.constant(weights, [outputs, inputs, kernel, kernel], INT8),
        this.constant(scales, dims, FLOAT),
        this.constant(zeros, dims, INT8),
      ],
      attributes,
    );
    const biasScales = scales.map((scale) => Math.fround(inScale * scale));
    const b = this.node(
      "DequantizeLinear",
      [
        this.constant(bias, [outputs], INT32),
        this.constant(biasScales, dims, FLOAT),
        this.constant(zeros, dims, INT32),
      ],
      attributes,
    );
    const side = (kernel - 1) / 2;
    return this.node("Conv", [x, w, b], { kernel_shape: [kernel, kernel], pads: [side, side, side, side] });
  }
}

const INPUT: Parameters = [Math.fround(1 / 255), -128];

/** Convolutions, an activation of each kind, pooling, upsampling, joins of different scales. */
function network(type: typeof INT8 | typeof UINT8, integers?: Parameters): Uint8Array {
  const b = new QuantizedBuilder(type);
  const x = integers ? b.integers("x", integers) : b.quantized("x", INPUT);
  const [scale] = integers ?? INPUT;
  const stem = b.quantized(b.node("Relu", [b.quantizedConv(x, 3, 8, 3, scale)]), [0.02, -128]);
  const pooled = b.quantized(
    b.node("MaxPool", [stem], { kernel_shape: [2, 2], strides: [2, 2] }),
    [0.02, -128],
  );
  const linear = b.quantized(b.quantizedConv(pooled, 8, 8, 1, 0.02, false), [0.015, 11]);
  const sigmoid = b.quantized(b.node("Sigmoid", [linear]), [1 / 256, -128]);
  const silu = b.quantized(b.node("Mul", [linear, sigmoid]), [0.012, -100]);
  const mean = b.quantized(
    b.node("AveragePool", [silu], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    [0.011, -90],
  );
  const sum = b.quantized(b.node("Add", [silu, mean]), [0.02, -80]);
  const wide = b.quantized(
    b.node("Resize", [sum, "", b.constant([1, 1, 2, 2])], {
      mode: "linear",
      coordinate_transformation_mode: "half_pixel",
    }),
    [0.02, -80],
  );
  const joined = b.quantized(b.node("Concat", [stem, wide], { axis: 1 }), [0.021, -90]);
  const again = b.quantized(
    b.node("MaxPool", [joined], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    [0.03, -70],
  );
  const clipped = b.quantized(b.node("Relu", [b.quantizedConv(again, 16, 6, 3, 0.03)]), [0.02, 0], [0, 127]);
  const last = b.quantized(b.quantizedConv(clipped, 6, 5, 1, 0.02), [0.03, 3]);
  return b.build(last, 17, [], integers ? type : FLOAT);
}

function expectWithinOneStep({ operations }: Comparison): void {
  for (const { operation, name, values, differing, largest } of operations) {
    if (name.includes("#")) continue;
    expect(values, name).toBeGreaterThan(0);
    expect(largest, name).toBeLessThanOrEqual(1);
    const isSum = ["convolution", "depthwise", "pointwise"].includes(operation);
    expect(differing / values, `${operation} ${name}`).toBeLessThanOrEqual(isSum ? 1e-4 : 0.06);
  }
}

describe.each([
  ["int8", INT8],
  ["uint8", UINT8],
] as const)("a QDQ file of %s", (_, type) => {
  const bytes = network(type);

  test("gives onnxruntime's integers, operation by operation", async () => {
    const { model, report } = await convert(bytes);
    expect(report).toMatchObject({ kind: "quantized", notes: [] });
    const names = model.ops.map((op) => kindOf(op).name);
    expect(names).toEqual([
      "input",
      "convolution",
      "maxPool",
      "pointwise",
      "lookup",
      "averagePool",
      "add",
      "resize",
      "concat",
      "maxPool",
      "lookup",
      "convolution",
      "pointwise",
      "argmax",
    ]);
    const comparison = await compare(bytes, model, images(2));
    expect(comparison.kind).toBe("quantized");
    expectWithinOneStep(comparison);
    expect(comparison.maskAgreement).toBeGreaterThan(0.98);
  });

  test("may take integers itself", async () => {
    const { model } = await convert(bytes);
    const same = await convert(network(type, INPUT));
    expect(same.model.ops.map(({ weights }) => weights)).toEqual(model.ops.map(({ weights }) => weights));
    const file = network(type, [0.007, -31]);
    const comparison = await compare(file, (await convert(file)).model, images(2));
    expect(comparison.maskAgreement).toBeGreaterThan(0.98);
  });

  test("keeps scales, zero points and ranges", async () => {
    const { model } = await convert(bytes);
    const tensorAfter = (index: number) => model.tensors[model.ops[index]!.output];
    expect(tensorAfter(1)).toMatchObject({
      channels: 8,
      scale: Math.fround(0.02),
      zero: -128,
      min: -128,
      max: 127,
    });
    expect(tensorAfter(11)).toMatchObject({ channels: 6, zero: 0, min: 0, max: 127 });
    expect(tensorAfter(12)).toMatchObject({ channels: 5, scale: Math.fround(0.03), zero: 3 });
  });
});

describe("exportQdq", () => {
  const fixture = buildFixture();

  test("of every operation converts back to the same model", async () => {
    const { model } = await convert(exportQdq(fixture, fixture.height, fixture.width));
    expect(model.ops).toEqual(fixture.ops);
    expect(model.tensors.slice(0, -1)).toEqual(fixture.tensors.slice(0, -1));
    expect([model.stride, model.width, model.height]).toEqual([fixture.stride, 64, 48]);
  });

  test("is run by onnxruntime with the same integers", async () => {
    const bytes = exportQdq(fixture, 48, 64);
    const { model } = await convert(bytes);
    expectWithinOneStep(await compare(bytes, model, images(2, 64, 48)));
  });

  test("uses the names of the metadata, apart from those of its own input and output", async () => {
    const names = fixture.tensors.map((_, id) => (id === 3 ? "scores" : id === 5 ? "input" : `layer ${id}`));
    const named: Model = { ...fixture, metadata: { ...fixture.metadata, tensors: names } };
    const { model } = await convert(exportQdq(named, 48, 64));
    expect(model.ops).toEqual(fixture.ops);
    expect(model.metadata.tensors).toEqual([
      "input",
      ...names.slice(1, 3),
      "scores_",
      "layer 4",
      "input_",
      ...names.slice(6, -1),
      "mask",
    ]);
  });

  test("at another size is the same network", async () => {
    const { model } = await convert(exportQdq(fixture, 96, 32));
    expect(model.ops).toEqual(fixture.ops);
    expect([model.stride, model.width, model.height]).toEqual([fixture.stride, 32, 96]);
  });
});

test("a damaged QDQ file is refused or converted, never anything else", async () => {
  await expectRefusedOrConverted(exportQdq(buildFixture(), 48, 64), 150, 9);
});

describe("a QDQ file that int8 kernels cannot run exactly", () => {
  const build = (change: (b: QuantizedBuilder, x: string) => string): Uint8Array => {
    const b = new QuantizedBuilder(INT8);
    return b.build(change(b, b.quantized("x", INPUT)));
  };

  test("weights with a zero point", async () => {
    const bytes = build((b, x) => {
      const integers = b.constant(new Array(12).fill(3), [4, 3, 1, 1], INT8);
      const w = b.node("DequantizeLinear", [integers, b.number(0.1), b.constant([5], [], INT8)]);
      return b.quantized(b.node("Conv", [x, w], { kernel_shape: [1, 1] }), [0.1, 0]);
    });
    await expect(convert(bytes)).rejects.toThrow(/^Conv ".*": its weights must have the zero point 0/);
  });

  test("a scale that is not a constant, or not positive", async () => {
    const negative = build((b, x) => b.quantized(b.node("Relu", [x]), [-1, 0]));
    await expect(convert(negative)).rejects.toThrow("a scale is not a positive number");
    const open = build((b, x) => b.node("QuantizeLinear", [x, b.node("Relu", [x])]));
    await expect(convert(open)).rejects.toThrow("its scale and zero point must be constants");
  });

  test("a convolution whose output is not quantised", async () => {
    const bytes = build((b, x) => b.quantizedConv(b.quantizedConv(x, 3, 4, 1, INPUT[0]), 4, 4, 1, 1));
    await expect(convert(bytes)).rejects.toThrow("is not quantised in the file, and has no measured range");
  });

  test("weights of -128 are noted", async () => {
    const bytes = build((b, x) => {
      const integers = b.constant([-128, 1, 2, 3, 4, 5], [2, 3, 1, 1], INT8);
      const w = b.node("DequantizeLinear", [integers, b.number(0.1), b.constant([0], [], INT8)]);
      return b.quantized(b.node("Conv", [x, w], { kernel_shape: [1, 1] }), [0.1, 0]);
    });
    const { report } = await convert(bytes);
    expect(report.notes).toEqual(['conv "node_conv3": 1 weights of -128 became -127']);
  });
});

test("weights that an Identity passes on are those of the file", async () => {
  const make = (isShared: boolean): Uint8Array => {
    const b = new QuantizedBuilder(INT8);
    const logits = b.quantizedConv(b.quantized("x", [1 / 255, -128]), 3, 4, 1, 1 / 255);
    if (isShared) {
      const { inputs, ...conv } = b.nodes.pop()!;
      const shared = b.node("Identity", [inputs[1]!]);
      b.nodes.push({ ...conv, inputs: [inputs[0]!, shared, inputs[2]!] });
    }
    return b.build(b.quantized(logits, [0.05, 0]));
  };
  const [plain, shared] = await Promise.all([false, true].map((isShared) => convert(make(isShared))));
  expect(shared!.model.ops).toEqual(plain!.model.ops);
});
