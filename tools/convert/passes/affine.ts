/**
 * Per-channel scaling and shifting. While the passes run it is a node `affine` of inputs [x, factors, offsets];
 * in the end each is part of the convolution before it or a 1x1 depthwise convolution of its own.
 */

import {
  type Constant,
  type Graph,
  type Node,
  producers,
  prune,
  readers,
  rename,
  shapeOf,
} from "../graph.js";
import { FLOAT } from "../onnx/read.js";

/** What factors and offsets of colours may be away from 1 and 0 by rounding: far less than a level of 1/255. */
const IDENTITY = 2 ** -16;

/** An `affine` node in the place of `node`; its lists of numbers, one a channel, become constants. */
export function affineNode(
  constants: Map<string, Constant>,
  node: Node,
  factors: readonly number[],
  offsets: readonly number[],
): Node {
  const output = node.outputs[0]!;
  const names = [`${output}#factors`, `${output}#offsets`] as const;
  [factors, offsets].forEach((list, i) => {
    constants.set(names[i]!, { dims: [list.length], type: FLOAT, values: Float64Array.from(list) });
  });
  return { ...node, type: "affine", inputs: [node.inputs[0]!, ...names], outputs: [output], attributes: {} };
}

/** Add, Sub, Mul and Div by one constant a channel as `affine`; by one number only where a convolution takes it. */
export function channels(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const nodes: Node[] = [];
  const takes = new Set<string>();
  const read = readers(graph);
  for (const node of graph.nodes) {
    const result = perChannel(graph, constants, node, takes) ?? node;
    const output = result.outputs[0]!;
    const isTaking = result.type === "affine" || (result.type === "conv" && !isQuantized(graph, result));
    if (isTaking && read.get(output)?.length === 1 && !graph.quantization.has(output)) takes.add(output);
    nodes.push(result);
  }
  return { ...graph, nodes, constants };
}

function perChannel(
  graph: Graph,
  constants: Map<string, Constant>,
  node: Node,
  takes: ReadonlySet<string>,
): Node | undefined {
  if (!["Add", "Sub", "Mul", "Div"].includes(node.type)) return undefined;
  const at = node.inputs.findIndex((input) => graph.constants.has(input));
  if (at < 0 || (at === 0 && node.type === "Div")) return undefined;
  const input = node.inputs[1 - at]!;
  const shape = shapeOf(graph, input);
  const constant = graph.constants.get(node.inputs[at]!)!;
  const values = valuesPerChannel(constant, shape);
  if (!values || (constant.values.length === 1 && !takes.has(input))) return undefined;
  const ones = values.map(() => 1);
  const zeros = values.map(() => 0);
  const base = { ...node, inputs: [input] };
  if (node.type === "Add") return affineNode(constants, base, ones, values);
  if (node.type === "Mul") return affineNode(constants, base, values, zeros);
  const isLeft = at === 0;
  if (node.type === "Sub" && isLeft)
    return affineNode(
      constants,
      base,
      values.map(() => -1),
      values,
    );
  if (node.type === "Sub")
    return affineNode(
      constants,
      base,
      ones,
      values.map((value) => -value),
    );
  return affineNode(
    constants,
    base,
    values.map((value) => 1 / value),
    zeros,
  );
}

/** One number a channel, where the constant is a number or has the shape [1, channels, 1, 1]. */
function valuesPerChannel(constant: Constant, shape: readonly number[]): number[] | undefined {
  if (shape.length !== 4) return undefined;
  const values = Array.from(constant.values);
  if (values.length === 1) return new Array<number>(shape[1]!).fill(values[0]!);
  const { dims } = constant;
  const isPerChannel = dims.at(-1) === 1 && dims.at(-2) === 1 && dims.at(-3) === shape[1];
  return isPerChannel && values.length === shape[1] ? values : undefined;
}

function isQuantized(graph: Graph, node: Node): boolean {
  return graph.constants.get(node.inputs[1]!)?.quantized !== undefined;
}

/** Folds each `affine` into the convolution before it, or makes it a 1x1 depthwise convolution. */
export function affine(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const read = readers(graph);
  const producer = producers(graph);
  const replaced = new Map<Node, Node>();
  const current = (node: Node | undefined): Node | undefined =>
    node && (replaced.has(node) ? current(replaced.get(node)) : node);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    if (node.type !== "affine") {
      nodes.push(node);
      continue;
    }
    const [input, factorName, offsetName] = node.inputs as [string, string, string];
    const factors = constants.get(factorName)!.values;
    const offsets = constants.get(offsetName)!.values;
    const before = current(producer.get(input));
    const folds =
      before?.type === "conv" &&
      !before.clamp &&
      constants.get(before.inputs[1]!)?.quantized === undefined &&
      read.get(input)?.length === 1 &&
      !graph.quantization.has(input);
    const made = folds
      ? foldInto(constants, before, node, factors, offsets)
      : depthwise(constants, node, factors, offsets);
    if (folds) nodes.splice(nodes.indexOf(before), 1);
    replaced.set(node, made);
    nodes.push(made);
  }
  return prune(withoutIdentity({ ...graph, nodes, constants }));
}

/** The graph without a first convolution that leaves the image, colours of 0..1, as it is. */
function withoutIdentity(graph: Graph): Graph {
  const read = readers(graph).get(graph.input) ?? [];
  const [first] = read;
  if (read.length !== 1 || first?.type !== "conv" || first.attributes.group !== 3 || first.clamp)
    return graph;
  const [, weights, bias] = first.inputs.map((name) => graph.constants.get(name)!);
  const isClose = (values: ArrayLike<number>, wanted: number): boolean =>
    Array.from(values).every((value) => Math.abs(value - wanted) < IDENTITY);
  const isIdentity = weights?.values.length === 3 && isClose(weights.values, 1) && isClose(bias!.values, 0);
  if (!isIdentity) return graph;
  const output = first.outputs[0]!;
  const quantization = new Map(graph.quantization);
  const known = quantization.get(output);
  if (known) quantization.set(graph.input, known);
  return rename({ ...graph, quantization }, new Map([[output, graph.input]]));
}

function foldInto(
  constants: Map<string, Constant>,
  conv: Node,
  node: Node,
  factors: ArrayLike<number>,
  offsets: ArrayLike<number>,
): Node {
  const [input, weightName, biasName] = conv.inputs as [string, string, string | undefined];
  const weights = constants.get(weightName)!;
  const perChannel = weights.values.length / weights.dims[0]!;
  const bias = biasName ? constants.get(biasName)!.values : new Float64Array(weights.dims[0]!);
  const values = Float64Array.from(
    weights.values,
    (value, at) => value * factors[Math.floor(at / perChannel)]!,
  );
  const shifted = Float64Array.from(bias, (value, c) => value * factors[c]! + offsets[c]!);
  const names = setWeights(constants, node.outputs[0]!, { ...weights, values }, shifted);
  return { ...conv, inputs: [input, ...names], outputs: node.outputs };
}

function depthwise(
  constants: Map<string, Constant>,
  node: Node,
  factors: ArrayLike<number>,
  offsets: ArrayLike<number>,
): Node {
  const channels = factors.length;
  const weights = { dims: [channels, 1, 1, 1], type: FLOAT, values: Float64Array.from(factors) };
  const names = setWeights(constants, node.outputs[0]!, weights, Float64Array.from(offsets));
  return {
    ...node,
    type: "conv",
    inputs: [node.inputs[0]!, ...names],
    attributes: pointAttributes(channels),
  };
}

/** Attributes of a 1x1 convolution. */
export function pointAttributes(group: number): Node["attributes"] {
  return { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group };
}

function setWeights(
  constants: Map<string, Constant>,
  output: string,
  weights: Constant,
  bias: Float64Array,
): [string, string] {
  const names: [string, string] = [`${output}#weights`, `${output}#bias`];
  constants.set(names[0], { dims: weights.dims, type: FLOAT, values: weights.values });
  constants.set(names[1], { dims: [bias.length], type: FLOAT, values: bias });
  return names;
}
