/** Equalization and correction of the bias on networks of a few numbers, against the sums written out. */
import { describe, expect, test } from "vitest";
import type { Constant, Graph, Node } from "../../../../tools/convert/graph.js";
import { FLOAT } from "../../../../tools/convert/onnx/read.js";
import { correctBias } from "../../../../tools/convert/quantize/bias.js";
import { channelFactors, equalize, scalableGroups } from "../../../../tools/convert/quantize/equalize.js";
import { Observer } from "../../../../tools/convert/quantize/observer.js";
import { Histogram } from "../../../../tools/convert/quantize/ranges.js";
import { Random } from "../../../fixtures/random.js";

const random = new Random(12);
const real = (): number => random.integer(-1000, 1000) / 500;

function constant(dims: readonly number[]): Constant {
  const count = dims.reduce((product, size) => product * size, 1);
  return { dims, type: FLOAT, values: Float64Array.from({ length: count }, real) };
}

/** A 1x1 convolution, of groups where its weights have fewer inputs. */
function conv(input: string, output: string, group: number, clamp?: Node["clamp"]): Node {
  const window = { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group };
  const inputs = [input, `${output}w`, `${output}b`];
  return {
    name: output,
    type: "conv",
    inputs,
    outputs: [output],
    attributes: window,
    ...(clamp && { clamp }),
  };
}

const RELU = { min: 0, max: Infinity };

/** image (3) -> a (4, ReLU) -> b (4, depthwise) -> c (2), and a graph that ends there. */
function graph(clamp: Node["clamp"] = RELU): Graph {
  const nodes = [conv("image", "a", 1, clamp), conv("a", "b", 4, RELU), conv("b", "c", 1)];
  const constants = new Map([
    ["aw", constant([4, 3, 1, 1])],
    ["ab", constant([4])],
    ["bw", constant([4, 1, 1, 1])],
    ["bb", constant([4])],
    ["cw", constant([2, 4, 1, 1])],
    ["cb", constant([2])],
  ]);
  const shapes = new Map(
    [
      ["image", 3],
      ["a", 4],
      ["b", 4],
      ["c", 2],
    ].map(([name, c]) => [name as string, [1, c as number, 1, 1]]),
  );
  return { nodes, constants, shapes, quantization: new Map(), input: "image", output: "c" };
}

/** All tensors of a graph of 1x1 convolutions for one pixel. */
function run({ nodes, constants }: Graph, image: readonly number[]): Map<string, number[]> {
  const tensors = new Map([["image", [...image]]]);
  for (const { inputs, outputs, attributes, clamp } of nodes) {
    const x = tensors.get(inputs[0]!)!;
    const { dims, values } = constants.get(inputs[1]!)!;
    const [outChannels, perGroup] = dims as [number, number];
    const bias = constants.get(inputs[2]!)!.values;
    const y = Array.from({ length: outChannels }, (_, o) => {
      const first = Math.floor((o * (attributes.group as number)) / outChannels) * perGroup;
      let sum = bias[o]!;
      for (let i = 0; i < perGroup; i++) sum += values[o * perGroup + i]! * x[first + i]!;
      return Math.min(Math.max(sum, clamp?.min ?? -Infinity), clamp?.max ?? Infinity);
    });
    tensors.set(outputs[0]!, y);
  }
  return tensors;
}

describe("equalization", () => {
  test("takes tensors between convolutions, without an upper bound", () => {
    expect(scalableGroups(graph())).toEqual([["a"], ["b"]]);
    expect(scalableGroups(graph({ min: 0, max: 6 }))).toEqual([["b"]]);
    expect(scalableGroups({ ...graph(), nodes: graph().nodes.slice(0, 2), output: "b" })).toEqual([["a"]]);
  });

  test("goes through what leaves the scales of channels as they are, and stops at the rest", () => {
    const { nodes, ...rest } = graph();
    const between = (type: string, inputs: string[], more: Partial<Node> = {}): Node => {
      return { name: type, type, inputs, outputs: ["d"], attributes: {}, ...more };
    };
    const groupsWith = (node: Node): string[][] => {
      return scalableGroups({ ...rest, nodes: [nodes[0]!, nodes[1]!, node, conv("d", "c", 1)] });
    };
    const call = (name: string): Partial<Node> => ({
      expression: { kind: "call", name, args: [{ kind: "input" }], parameters: [0.1] },
    });
    expect(groupsWith(between("prelu", ["b", "slopes"]))).toEqual([["a"], ["b", "d"]]);
    expect(groupsWith(between("add", ["b", "a"]))).toEqual([["a", "b", "d"]]);
    expect(groupsWith(between("function", ["b"], call("LeakyRelu")))).toEqual([["a"], ["b", "d"]]);
    expect(groupsWith(between("function", ["b"], call("Sigmoid")))).toEqual([["a"]]);
    expect(groupsWith(between("multiply", ["b", "a"]))).toEqual([]);
    expect(groupsWith(between("maxPool", ["b"], { clamp: { min: 0, max: 6 } }))).toEqual([["a"]]);
  });

  const LARGEST = new Map([
    ["a", [4, 1, 0, 2]],
    ["b", [0, 0, 0, 0]],
  ]);

  test("gives small channels the square root of what they lack, within bounds", () => {
    const factors = channelFactors(graph(), LARGEST, "roots");
    expect([...factors.keys()]).toEqual(["a"]);
    expect([...factors.get("a")!]).toEqual([1, 2, 64, Math.SQRT2]);
  });

  test("balances channels with the weights that read them, but depthwise ones, which have scales of their own", () => {
    const before = graph();
    const values = Float64Array.of(1, -4, 2, 0.5, 2, 0, -1, 8);
    const constants = new Map(before.constants).set("cw", { dims: [2, 4, 1, 1], type: FLOAT, values });
    const largest = new Map([...LARGEST, ["b", [2, 2, 8, 1]]]);
    const factors = channelFactors({ ...before, constants }, largest, "balanced");
    expect([...factors.get("a")!]).toEqual([4 / 4, 4 / 1, 64, 4 / 2]);
    // sizes 1/4, 1/4, 1, 1/8; weights 2, 4, 2, 8 of 8
    expect([...factors.get("b")!]).toEqual([1, Math.SQRT2, 0.5, Math.sqrt(8)]);
  });

  test("changes no output, and multiplies channels by their factors", () => {
    const before = graph();
    const factors = new Map([
      ["a", Float64Array.of(1, 2, 8, 3)],
      ["b", Float64Array.of(5, 1, 1, 4)],
    ]);
    const after = equalize(before, factors);
    for (let round = 0; round < 20; round++) {
      const image = [real(), real(), real()];
      const [wanted, got] = [run(before, image), run(after, image)];
      got.get("c")!.forEach((value, c) => {
        expect(value).toBeCloseTo(wanted.get("c")![c]!, 9);
      });
      for (const [name, list] of factors) {
        got.get(`${name}#equalized`)!.forEach((value, c) => {
          expect(value).toBeCloseTo(wanted.get(name)![c]! * list[c]!, 9);
        });
      }
    }
  });
});

test("the bias makes up for rounded weights at the mean of the inputs", () => {
  const before = graph();
  const mean = [0.3, -0.8, 0.5];
  const after = correctBias(before, new Map([["image", mean]]));
  const { values } = before.constants.get("aw")!;
  const bias = after.constants.get(after.nodes[0]!.inputs[2]!)!.values;
  for (let o = 0; o < 4; o++) {
    const weights = Array.from(values.slice(3 * o, 3 * o + 3));
    const scale = Math.fround(Math.max(...weights.map(Math.abs)) / 127);
    const exact = weights.reduce((sum, w, i) => sum + w * mean[i]!, before.constants.get("ab")!.values[o]!);
    const rounded = weights.reduce((sum, w, i) => sum + scale * Math.round(w / scale) * mean[i]!, bias[o]!);
    expect(rounded).toBeCloseTo(exact, 9);
  }
  expect(after.nodes.slice(1)).toEqual(before.nodes.slice(1));
});

describe("Observer", () => {
  const values = Float32Array.from({ length: 4000 }, (_, at) => real() * (at < 2000 ? 1 : 0.01) + 0.5);

  test("has the mean of each channel over all images", () => {
    const observer = new Observer(2);
    observer.add(values);
    observer.add(values.map((value) => value + 1));
    const mean = (first: number) =>
      values.slice(first, first + 2000).reduce((sum, value) => sum + value / 2000, 0);
    observer.means().forEach((value, c) => {
      expect(value).toBeCloseTo(mean(2000 * c) + 0.5, 4);
    });
    expect(observer.largest()).toBeUndefined();
  });

  test("of channels has the ranges that the scaled tensor would have", () => {
    const observer = new Observer(2, true);
    observer.add(values);
    const factors = [1, 3];
    const scaled = new Observer(2);
    scaled.add(values.map((value, at) => value * factors[Math.floor(at / 2000)]!));
    for (const method of ["min-max", "99.9 %", "mse"] as const) {
      const [a, b] = [observer.histogram(factors).range(method, 255), scaled.histogram().range(method, 255)];
      expect(a.min).toBeCloseTo(b.min, 1);
      expect(a.max).toBeCloseTo(b.max, 1);
    }
    expect(observer.largest()![0]).toBeCloseTo(Math.max(...values.slice(0, 2000).map(Math.abs)), 6);
  });
});

test("a range that only functions read leaves out where they are flat", () => {
  const histogram = new Histogram();
  histogram.add(Float32Array.from({ length: 5000 }, (_, at) => at / 250 - 12));
  const whole = { min: -12, max: 8 };
  const values = Float32Array.from(histogram.centers());
  const hardSwish = values.map((x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6);
  const { min, max } = histogram.throughFunctions(whole, 255, [hardSwish]);
  expect(min).toBeGreaterThan(-4);
  expect(min).toBeLessThan(-2.5);
  expect(max).toBe(8);
  expect(histogram.throughFunctions(whole, 255, [values])).toEqual(whole);
});
