/** What the passes make of small graphs, without running anything. */
import { describe, expect, test } from "vitest";
import { BILINEAR, NEAREST } from "../../../../src/format.js";
import { computeAll } from "../../../../tools/convert/expression.js";
import type { Graph, Node } from "../../../../tools/convert/graph.js";
import { loadGraph } from "../../../../tools/convert/onnx/load.js";
import { lower } from "../../../../tools/convert/passes/index.js";
import { OnnxBuilder } from "../onnx-builder.js";

const NEAREST_FLOOR = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };

/** The lowered graph of what `add` puts between a stem of 8 channels and the logits. */
function lowered(
  add: (b: OnnxBuilder, x: string) => string,
  size?: { width: number; height: number },
): Graph {
  const b = new OnnxBuilder(1, size ? [0, 3, 0, 0] : undefined);
  return lower(loadGraph(b.build(add(b, b.conv("x", 3, 8, 3)), 17), size).graph);
}

function types(graph: Graph): string[] {
  return graph.nodes.map((node) => node.type);
}

function last(graph: Graph): Node {
  return graph.nodes.at(-1)!;
}

describe("cleanup", () => {
  test("drops what does nothing and what nothing reads", () => {
    const graph = lowered((b, x) => {
      b.conv(x, 8, 4);
      return b.conv(b.node("Identity", [b.node("Dropout", [x])]), 8, 4);
    });
    expect(types(graph)).toEqual(["conv", "conv"]);
  });
});

describe("tail", () => {
  const half = { mode: "linear", coordinate_transformation_mode: "half_pixel" };
  const up = (b: OnnxBuilder, x: string): string => b.node("Resize", [x, "", b.constant([1, 1, 4, 4])], half);

  test.each<[string, (b: OnnxBuilder, x: string) => string]>([
    ["Softmax", (b, x) => b.node("Softmax", [x], { axis: 1 })],
    ["LogSoftmax", (b, x) => b.node("LogSoftmax", [x], { axis: -3 })],
    ["ArgMax", (b, x) => b.node("ArgMax", [x], { axis: 1, keepdims: 0 })],
    ["Sigmoid", (b, x) => b.node("Sigmoid", [x])],
    ["Resize and Softmax", (b, x) => b.node("Softmax", [up(b, x)], { axis: 1 })],
    ["ArgMax and Cast", (b, x) => b.node("Cast", [b.node("ArgMax", [x], { axis: 1 })], { to: 7 })],
    [
      "Transpose, Softmax, ArgMax",
      (b, x) =>
        b.node(
          "ArgMax",
          [b.node("Softmax", [b.node("Transpose", [x], { perm: [0, 2, 3, 1] })], { axis: 3 })],
          {
            axis: 3,
          },
        ),
    ],
  ])("takes %s off", (_, add) => {
    const graph = lowered((b, x) => add(b, b.conv(x, 8, 4)));
    expect(types(graph)).toEqual(["conv", "conv"]);
    expect(graph.output).toBe(last(graph).outputs[0]);
  });

  test("takes one upsampling off, not two", () => {
    const graph = lowered((b, x) => up(b, up(b, x)));
    expect(types(graph)).toEqual(["conv", "resize"]);
  });

  test("refuses an ArgMax over another axis", () => {
    expect(() => lowered((b, x) => b.node("ArgMax", [x], { axis: 2 }))).toThrow(
      /^ArgMax "node_argmax\d": only over the channels, not over axis 2/,
    );
  });
});

describe("head", () => {
  test("takes the Transpose off an input of [1, height, width, 3]", () => {
    const b = new OnnxBuilder(1, [1, 32, 48, 3]);
    const bytes = b.build(b.conv(b.node("Transpose", ["x"], { perm: [0, 3, 1, 2] }), 3, 4));
    const graph = lower(loadGraph(bytes).graph);
    expect(types(graph)).toEqual(["conv"]);
    expect(graph.shapes.get(graph.input)).toEqual([1, 3, 32, 48]);
  });

  test("takes operations there that do not mind", () => {
    const b = new OnnxBuilder(1, [1, 32, 48, 3]);
    const scaled = b.node("Mul", ["x", b.constant([0.5, 1, 2])]);
    const bytes = b.build(b.conv(b.node("Transpose", [scaled], { perm: [0, 3, 1, 2] }), 3, 4));
    const graph = lower(loadGraph(bytes).graph);
    expect(types(graph)).toEqual(["conv", "conv"]);
    expect([...graph.constants.get(graph.nodes[0]!.inputs[1]!)!.values]).toEqual([0.5, 1, 2]);
  });
});

describe("affine", () => {
  test("folds BatchNormalization, Mul and Add into the convolution before them", () => {
    const graph = lowered((b, x) => {
      const y = b.node("Mul", [b.batchNorm(x, 8), b.noise([1, 8, 1, 1], 1)]);
      return b.node("Add", [y, b.number(0.5)]);
    });
    expect(types(graph)).toEqual(["conv"]);
  });

  test("keeps what something else reads, with a 1x1 depthwise convolution", () => {
    const graph = lowered((b, x) => b.node("Add", [x, b.batchNorm(x, 8)]));
    expect(types(graph)).toEqual(["conv", "conv", "add"]);
    expect(graph.nodes[1]!.attributes).toMatchObject({ kernel: [1, 1], group: 8 });
  });

  test("puts mean and deviation before the network", () => {
    const b = new OnnxBuilder();
    const { graph } = loadGraph(b.build(b.conv("x", 3, 4, 3)));
    const result = lower(graph, { mean: [0.5, 0.25, 0], std: [0.5, 0.25, 1] });
    expect(types(result)).toEqual(["conv", "conv"]);
    const [, weights, bias] = result.nodes[0]!.inputs;
    expect(Array.from(result.constants.get(weights!)!.values)).toEqual([2, 4, 1]);
    expect(Array.from(result.constants.get(bias!)!.values)).toEqual([-1, -1, -0]);
  });
});

describe("pad", () => {
  const border = (b: OnnxBuilder, x: string): string => b.node("Pad", [x, b.ints(0, 0, 1, 1, 0, 0, 1, 1)]);

  test("becomes part of a convolution and of an average", () => {
    const inConv = lowered((b, x) => b.conv(border(b, x), 8, 4, 3, { pads: [0, 1, 0, 0] }));
    expect(types(inConv)).toEqual(["conv", "conv"]);
    expect(last(inConv).attributes.pads).toEqual([1, 2, 1, 1]);
    const inPool = lowered((b, x) => b.node("AveragePool", [border(b, x)], { kernel_shape: [3, 3] }));
    expect(last(inPool)).toMatchObject({ type: "averagePool", attributes: { pads: [1, 1, 1, 1], mode: 1 } });
  });

  test("stays before a maximum of numbers below zero, and where it is read twice", () => {
    const pool = (b: OnnxBuilder, x: string): string => b.node("MaxPool", [x], { kernel_shape: [3, 3] });
    expect(types(lowered((b, x) => pool(b, border(b, x))))).toEqual(["conv", "pad", "maxPool"]);
    const twice = lowered((b, x) => {
      const y = border(b, x);
      return b.node("Add", [b.conv(y, 8, 8, 3), y]);
    });
    expect(types(twice)).toEqual(["conv", "pad", "conv", "add"]);
  });

  test("of nothing is dropped", () => {
    const graph = lowered((b, x) =>
      b.node("HardSwish", [b.node("Pad", [x, b.ints(0, 0, 0, 0, 0, 0, 0, 0)])]),
    );
    expect(types(graph)).toEqual(["conv", "function"]);
  });

  test("refuses other modes and other axes", () => {
    expect(() =>
      lowered((b, x) => b.node("Pad", [x, b.ints(0, 0, 1, 1, 0, 0, 1, 1)], { mode: "wrap" })),
    ).toThrow('mode "wrap" is not supported');
    expect(() =>
      lowered((b, x) => b.node("Pad", [x, b.ints(0, 0, 0, 48, 0, 0, 0, 0)], { mode: "reflect" })),
    ).toThrow("a reflection wider than its input");
    expect(() => lowered((b, x) => b.node("Pad", [x, b.ints(0, 1, 0, 0, 0, 0, 0, 0)]))).toThrow(
      "only height and width can be padded",
    );
  });
});

describe("functions", () => {
  const valueAt = (graph: Graph, x: number): number => computeAll(last(graph).expression!, [x])[0]!;

  test("merge into one, as long as nothing else reads what lies between", () => {
    const silu = lowered((b, x) => b.node("Mul", [b.node("Sigmoid", [x]), x]));
    expect(types(silu)).toEqual(["conv", "function"]);
    expect(valueAt(silu, 2)).toBeCloseTo(2 / (1 + Math.exp(-2)), 6);
    const swish = lowered((b, x) => {
      const clipped = b.node("Clip", [b.node("Add", [b.number(3), x]), b.number(0), b.number(6)]);
      return b.node("Mul", [x, b.node("Mul", [clipped, b.number(1 / 6)])]);
    });
    expect(types(swish)).toEqual(["conv", "function"]);
    expect(valueAt(swish, 1)).toBeCloseTo(4 / 6, 6);
    const read = lowered((b, x) => {
      const y = b.node("Sigmoid", [x]);
      return b.node("Add", [b.node("Mul", [x, y]), b.conv(y, 8, 8)]);
    });
    expect(types(read)).toEqual(["conv", "function", "multiply", "conv", "add"]);
  });

  test("that clamp become bounds of the operation before them", () => {
    const graph = lowered((b, x) => b.node("Clip", [b.node("Relu", [x]), b.number(-1), b.number(6)]));
    expect(types(graph)).toEqual(["conv"]);
    expect(last(graph).clamp).toEqual({ min: 0, max: 6 });
  });

  test("are precise", () => {
    const at = (type: string, x: number): number =>
      valueAt(
        lowered((b, y) => b.node(type, [y])),
        x,
      );
    expect(at("Erf", 0.5)).toBeCloseTo(0.5204998778, 6);
    expect(at("Erf", -2.4)).toBeCloseTo(-0.9993114861, 6);
    expect(at("Erf", 3)).toBeCloseTo(0.9999779095, 6);
    expect(at("HardSwish", -3.5)).toBeCloseTo(0, 9);
    expect(at("HardSigmoid", 1)).toBeCloseTo(0.7, 6);
    expect(at("Softplus", -1)).toBeCloseTo(0.3132616875, 6);
  });
});

describe("gate", () => {
  const key = (b: OnnxBuilder, x: string): string =>
    b.conv(b.node("MaxPool", [x], { kernel_shape: [4, 4], strides: [4, 4] }), 8, 8);
  const upsample = (b: OnnxBuilder, x: string, attributes = {}): string =>
    b.node("Resize", [x, "", b.constant([1, 1, 4, 4])], { ...NEAREST_FLOOR, ...attributes });

  test.each<[string, (b: OnnxBuilder, x: string) => string]>([
    ["sigmoid, then upsampled", (b, x) => b.node("Mul", [x, upsample(b, b.node("Sigmoid", [key(b, x)]))])],
    ["upsampled, then sigmoid", (b, x) => b.node("Mul", [b.node("Sigmoid", [upsample(b, key(b, x))]), x])],
    [
      "with a residual",
      (b, x) => {
        const scaled = b.node("Mul", [b.number(0.25), b.node("Sigmoid", [key(b, x)])]);
        return b.node("Mul", [x, upsample(b, b.node("Add", [scaled, b.number(1)]))]);
      },
    ],
    ["without a function", (b, x) => b.node("Mul", [x, upsample(b, key(b, x))])],
  ])("%s", (_, add) => {
    const graph = lowered(add);
    expect(types(graph)).toEqual(["conv", "maxPool", "conv", "gate"]);
    expect(last(graph)).toMatchObject({ attributes: { factor: 4 } });
    expect(last(graph).inputs[0]).toBe(graph.nodes[0]!.outputs[0]);
  });

  test("only by an upsampling to the nearest that nothing else reads", () => {
    const linear = { mode: "linear", coordinate_transformation_mode: "half_pixel" };
    const smooth = lowered((b, x) => b.conv(b.node("Mul", [x, upsample(b, key(b, x), linear)]), 8, 4));
    expect(types(smooth)).toEqual(["conv", "maxPool", "conv", "resize", "multiply", "conv"]);
    const read = lowered((b, x) => {
      const wide = upsample(b, key(b, x));
      return b.node("Add", [b.node("Mul", [x, wide]), wide]);
    });
    expect(types(read)).toEqual(["conv", "maxPool", "conv", "resize", "multiply", "add"]);
  });

  test("not for squeeze and excitation, whose factor depends on the size", () => {
    const graph = lowered((b, x) =>
      b.node("Mul", [x, b.node("Sigmoid", [b.node("GlobalAveragePool", [x])])]),
    );
    expect(types(graph)).toEqual(["conv", "globalAveragePool", "function", "multiply"]);
  });
});

describe("resize", () => {
  test("takes its size from the tensor that the file takes it from", () => {
    const graph = lowered(
      (b, x) => {
        const small = b.node("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
        const [batch, channels] = [0, 1].map((at) =>
          b.node("Gather", [b.node("Shape", [small]), b.ints(at)]),
        );
        const rest = b.node("Slice", [b.node("Shape", [x]), b.ints(2), b.ints(4)]);
        const sizes = b.node("Concat", [batch!, channels!, rest], { axis: 0 });
        return b.node("Add", [b.node("Resize", [small, "", "", sizes], NEAREST_FLOOR), x]);
      },
      { width: 48, height: 32 },
    );
    expect(types(graph)).toEqual(["conv", "maxPool", "resize", "add"]);
    expect(graph.nodes[2]).toMatchObject({ attributes: { mode: NEAREST } });
    expect(graph.nodes[2]!.inputs).toEqual([graph.nodes[1]!.outputs[0], graph.nodes[0]!.outputs[0]]);
  });

  test("finds a tensor of the size, where the file only has numbers for one pixel", () => {
    const graph = lowered((b, x) => {
      const point = b.node("GlobalAveragePool", [x]);
      const wide = b.node("Resize", [point, "", "", b.ints(1, 8, 32, 48)], { mode: "linear" });
      return b.node("Concat", [x, wide], { axis: 1 });
    });
    expect(graph.nodes[2]!.inputs[1]).toBe(graph.nodes[0]!.outputs[0]);
  });

  test("is a fraction in lowest terms", () => {
    const graph = lowered((b, x) =>
      b.conv(b.node("Resize", [x, "", "", b.ints(1, 8, 48, 72)], { mode: "linear" }), 8, 4),
    );
    expect(graph.nodes[1]!.attributes).toEqual({ mode: BILINEAR, numerator: 3, denominator: 2 });
  });

  test("refuses positions that the model file does not have", () => {
    const up =
      (attributes: Record<string, string>, scale = 3) =>
      () =>
        lowered((b, x) =>
          b.conv(b.node("Resize", [x, "", b.constant([1, 1, scale, scale])], attributes), 8, 4),
        );
    const linear = { mode: "linear", coordinate_transformation_mode: "half_pixel" };
    expect(up(linear, 1.7)).toThrow(
      /mode "linear" with positions "half_pixel" and factors 1\.7.*reads other pixels/,
    );
    expect(up({ mode: "cubic" })).toThrow("cubic is not supported");
    expect(up({ mode: "nearest", coordinate_transformation_mode: "align_corners" })).toThrow(
      "reads other pixels",
    );
  });
});

describe("errors", () => {
  test("name the node, its type and what is supported", () => {
    expect(() => lowered((b, x) => b.node("GridSample", [x, x]))).toThrow(
      'GridSample "node_gridsample1": not supported (warping is not supported)',
    );
    expect(() =>
      lowered((b, x) => b.node("MatMul", [x, b.node("Transpose", [x], { perm: [0, 1, 3, 2] })])),
    ).toThrow("a product of two activations (attention between pixels is not supported");
    expect(() => lowered((b, x) => b.node("Mul", [x, b.noise([1, 8, 32, 48], 1)]))).toThrow(
      /^Mul ".*": a constant of shape \[1,8,32,48\] that varies over pixels is not supported/,
    );
    expect(() => lowered((b, x) => b.node("Add", [x, b.conv(x, 8, 7)]))).toThrow("do not fit");
    expect(() => lowered((b, x) => b.node("Concat", [x, x], { axis: 2 }))).toThrow("only over channels");
    expect(() => lowered((b, x) => b.node("Conv", [x, b.node("Relu", [x])]))).toThrow(
      "its weights must be constants",
    );
    expect(() => lowered((b, x) => b.node("MaxPool", [x], { kernel_shape: [99, 99] }))).toThrow(
      "larger than its input",
    );
  });

  test("name every node that cannot be converted, by kind", () => {
    expect(() =>
      lowered((b, x) => {
        const [a, c] = [b.node("GridSample", [x, x]), b.node("GridSample", [x, x])];
        return b.node("Add", [b.node("Add", [a, c]), b.node("Det", [x])]);
      }),
    ).toThrow(
      /^3 nodes cannot be converted\n {2}2 GridSample: .*"node_gridsample1".*"node_gridsample2".*\n {2}1 Det: /,
    );
  });

  test("name what is wrong with the file as a whole", () => {
    const build = (dims: readonly number[] | undefined, opset = 17) => {
      const b = new OnnxBuilder(1, dims);
      return () => loadGraph(b.build(b.conv("x", 3, 4), opset));
    };
    expect(build(undefined, 6)).toThrow("the file has operator set 6; supported are 7 to 28");
    expect(build(undefined, 29)).toThrow("operator set 29");
    expect(build([1, 3, 0, 0])).toThrow('input "x": its size is open, so give one (--size WxH)');
    expect(build([1, 4, 8, 8])).toThrow("expected 3 channels (red, green, blue) or 1 (grey), got 4");
    expect(build([2, 3, 8, 8])).toThrow("a batch of 2 is not supported");
    expect(build([3, 8])).toThrow("expected [1, 3, height, width], got [3, 8]");
    const b = new OnnxBuilder();
    expect(() => loadGraph(b.build("nothing"))).toThrow('nothing writes the output "nothing"');
    b.node("Relu", ["ghost"]);
    expect(() => loadGraph(b.build("relu0"))).toThrow('nothing writes "ghost"');
    const loop = new OnnxBuilder();
    loop.node("Add", ["x", "b"], {}, "a");
    loop.node("Relu", ["a"], {}, "b");
    expect(() => loadGraph(loop.build("b"))).toThrow("the graph has a cycle");
  });
});
