/** Shapes of the outputs of every ONNX operation that the converter accepts on activations. */

import { ConvertError } from "../errors.js";
import { FORMULAS } from "../expression.js";
import { describe, type Graph, listOf, type Node, numberOf, shapeOf } from "../graph.js";
import { broadcast } from "./constants.js";
import { hintOf } from "./hints.js";
import { axesOf, constantInput, partsOf, reducedAxes, resizeScales, stretchesOf } from "./inputs.js";
import { transposedWindowOf, windowOf } from "./window.js";

type Infer = (node: Node, shapes: readonly (readonly number[])[], graph: Graph) => readonly number[][];

function imageShape(node: Node, shape: readonly number[] | undefined): readonly number[] {
  if (shape?.length !== 4) {
    throw new ConvertError(
      `${describe(node)}: expected [1, channels, height, width], got [${shape?.join(", ") ?? ""}]`,
    );
  }
  return shape;
}

/** @throws ConvertError if a node states another kernel than that of its weights */
function expectKernel(node: Node, kernel: readonly number[]): void {
  if (node.attributes.kernel_shape === undefined) return;
  const stated = listOf(node, "kernel_shape", 2, 1);
  if (stated.some((size, axis) => size !== kernel[axis])) {
    throw new ConvertError(
      `${describe(node)}: kernel_shape [${stated}] and weights of [${kernel}] do not fit`,
    );
  }
}

const same: Infer = (_, [first]) => [[...first!]];

const elementwise: Infer = (node, shapes) => [shapes.reduce((a, b) => broadcast(node, a, b)) as number[]];

const pool: Infer = (node, [input]) => {
  const [batch, channels] = imageShape(node, input);
  const { size } = windowOf(node, input!, listOf(node, "kernel_shape", 2, 1));
  const shape = [batch!, channels!, ...size];
  return [shape, shape];
};

const resize: Infer = (node, [input], graph) => {
  const shape = imageShape(node, input);
  const sizes = constantInput(graph, node, 3) ?? [];
  const scales = resizeScales(graph, node, shape);
  const isKnown = sizes.length > 0 || scales !== undefined;
  const round = sizes.length > 0 ? Math.round : Math.floor;
  const result = shape.map((size, axis) => round(size * (scales?.[axis] ?? 1)));
  if (sizes.length > 0 && !scales) {
    const axes = axesOf(graph, { ...node, inputs: [] }, 0, 4) ?? [0, 1, 2, 3];
    axes.forEach((axis, i) => {
      result[axis] = sizes[i]!;
    });
  }
  if (!isKnown || !result.every((size) => size >= 1 && size <= 16384)) {
    throw new ConvertError(`${describe(node)}: the size of its output is not known`);
  }
  return [result];
};

const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);

const reduce: Infer = (node, [input], graph) => {
  const axes = reducedAxes(graph, node, input!.length);
  const keep = numberOf(node, "keepdims", 1) !== 0;
  return [input!.flatMap((size, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [size]))];
};

const REDUCTIONS = [
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceSum",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
];

const INFER: Readonly<Record<string, Infer>> = {
  Conv: (node, [input, weights]) => {
    // over the channels of a pooled map, as efficient channel attention has it
    if (input?.length === 3 && weights?.join() === `1,1,${weights?.[2]}`) return [[...input]];
    const shape = imageShape(node, input);
    const name = node.inputs[1]!;
    if (weights?.length !== 4)
      throw new ConvertError(`${describe(node)}: "${name}" expected weights of four axes`);
    const group = numberOf(node, "group", 1);
    const [outputs, perGroup, height, width] = weights as number[];
    if (perGroup! * group !== shape[1] || outputs! % group !== 0) {
      throw new ConvertError(
        `${describe(node)}: ${shape[1]} channels do not fit weights [${weights}], ${group} groups`,
      );
    }
    expectKernel(node, [height!, width!]);
    return [[shape[0]!, outputs!, ...windowOf(node, shape, [height!, width!]).size]];
  },
  MaxPool: pool,
  AveragePool: pool,
  GlobalAveragePool: (node, [input]) => [[...imageShape(node, input).slice(0, 2), 1, 1]],
  GlobalMaxPool: (node, [input]) => [[...imageShape(node, input).slice(0, 2), 1, 1]],
  ...Object.fromEntries(REDUCTIONS.map((type) => [type, reduce])),
  InstanceNormalization: same,
  GroupNormalization: same,
  LayerNormalization: same,
  MeanVarianceNormalization: same,
  BatchNormalization: same,
  Identity: same,
  Dropout: same,
  Cast: same,
  ScatterND: same,
  QuantizeLinear: same,
  DequantizeLinear: same,
  Softmax: same,
  LogSoftmax: same,
  Sum: elementwise,
  Concat: (node, shapes) => {
    const rank = shapes[0]!.length;
    const axis = (numberOf(node, "axis", 1) + rank) % rank;
    const fits = shapes.every((shape) => shape.every((size, i) => i === axis || size === shapes[0]![i]));
    if (!fits) {
      const list = shapes.map((shape) => `[${shape.join(", ")}]`).join(" and ");
      throw new ConvertError(`${describe(node)}: shapes ${list} do not fit`);
    }
    const result = [...shapes[0]!];
    result[axis] = shapes.reduce((sum, shape) => sum + shape[axis]!, 0);
    return [result];
  },
  Resize: resize,
  Pad: (node, [input], graph) => {
    const pads = constantInput(graph, node, 1) ?? [];
    const axes = axesOf(graph, node, 3, input!.length) ?? input!.map((_, axis) => axis);
    const result = [...input!];
    axes.forEach((axis, i) => {
      result[axis]! += (pads[i] ?? Number.NaN) + (pads[i + axes.length] ?? Number.NaN);
    });
    if (!result.every((size) => size >= 1))
      throw new ConvertError(`${describe(node)}: its padding is not valid`);
    return [result];
  },
  Transpose: (node, [input]) => {
    const order = node.attributes.perm
      ? listOf(node, "perm", input!.length, 0)
      : input!.map((_, i) => i).reverse();
    return [order.map((axis) => input![axis]!)];
  },
  ArgMax: (node, [input]) => {
    const axis = (numberOf(node, "axis", 0) + input!.length) % input!.length;
    const keep = numberOf(node, "keepdims", 1) !== 0;
    return [input!.flatMap((size, i) => (i !== axis ? [size] : keep ? [1] : []))];
  },
  Squeeze: (node, [input], graph) => {
    const axes = axesOf(graph, node, 1, input!.length);
    return [input!.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1))];
  },
  Unsqueeze: (node, [input], graph) => {
    const rank = input!.length + (axesOf(graph, node, 1, 1) ?? []).length;
    const axes = axesOf(graph, node, 1, rank) ?? [];
    const rest = [...input!];
    return [Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!))];
  },
  Flatten: (node, [input]) => {
    const axis = (numberOf(node, "axis", 1) + input!.length) % (input!.length + 1);
    return [[product(input!.slice(0, axis)), product(input!.slice(axis))]];
  },
  Reshape: (node, [input], graph) => {
    const isLiteral = numberOf(node, "allowzero", 0) !== 0;
    const requested = constantInput(graph, node, 1) ?? [];
    const dims = requested.map((size, axis) => (size === 0 && !isLiteral ? (input![axis] ?? 0) : size));
    const rest = dims.reduce((total, size) => (size < 0 ? total : total * size), 1);
    const whole = dims.map((size) => (size < 0 ? product(input!) / rest : size));
    if (product(whole) !== product(input!) || !whole.every(Number.isInteger)) {
      throw new ConvertError(`${describe(node)}: [${input}] does not fit [${requested}]`);
    }
    return [whole];
  },
  Slice: (node, [input], graph) => {
    const result = [...input!];
    for (const { axis, count } of stretchesOf(graph, node, input!)) result[axis] = count;
    if (!result.every((size) => size >= 1)) throw new ConvertError(`${describe(node)}: nothing is left`);
    return [result];
  },
  Split: (node, [input], graph) => {
    const axis = (numberOf(node, "axis", 0) + input!.length) % input!.length;
    const parts = partsOf(graph, node, input![axis]!);
    return parts.map((size) => input!.map((all, i) => (i === axis ? size : all)));
  },
  Gather: (node, [data, indices]) => {
    const axis = (numberOf(node, "axis", 0) + data!.length) % data!.length;
    return [[...data!.slice(0, axis), ...indices!, ...data!.slice(axis + 1)]];
  },
  Expand: (node, [data], graph) => [broadcast(node, data!, constantInput(graph, node, 1) ?? [])],
  Tile: (node, [data], graph) => {
    const repeats = constantInput(graph, node, 1) ?? [];
    return [data!.map((size, axis) => size * (repeats[axis] ?? 1))];
  },
  DepthToSpace: (node, [input]) => {
    const [batch, channels, height, width] = imageShape(node, input) as [number, number, number, number];
    const block = numberOf(node, "blocksize", 1);
    return [[batch, channels / block ** 2, height * block, width * block]];
  },
  SpaceToDepth: (node, [input]) => {
    const [batch, channels, height, width] = imageShape(node, input) as [number, number, number, number];
    const block = numberOf(node, "blocksize", 1);
    return [[batch, channels * block ** 2, height / block, width / block]];
  },
  ConvTranspose: (node, [input, weights]) => {
    const shape = imageShape(node, input);
    const [, perGroup, ...kernel] = weights as number[];
    expectKernel(node, kernel);
    const { size } = transposedWindowOf(node, shape, kernel);
    return [[shape[0]!, perGroup! * numberOf(node, "group", 1), ...size]];
  },
  MaxUnpool: (node, [input, , given], graph) => {
    const shape = imageShape(node, input);
    const size = given && constantInput(graph, node, 2);
    if (size) return [size];
    const kernel = listOf(node, "kernel_shape", 2, 1);
    const strides = listOf(node, "strides", 2, 1);
    const pads = listOf(node, "pads", 4, 0);
    const sides = [0, 1].map((i) => (shape[2 + i]! - 1) * strides[i]! + kernel[i]! - pads[i]! - pads[i + 2]!);
    return [[...shape.slice(0, 2), ...sides]];
  },
  MatMul: (node, [a, b]) => {
    if (a!.length < 2 || b!.length < 2)
      throw new ConvertError(`${describe(node)}: vectors are not supported`);
    if (a!.at(-1) !== b!.at(-2)) throw new ConvertError(`${describe(node)}: [${a}] and [${b}] do not fit`);
    return [[...broadcast(node, a!.slice(0, -2), b!.slice(0, -2)), a!.at(-2)!, b!.at(-1)!]];
  },
  Gemm: (node, [a, b]) => {
    const [first, second] = ["transA", "transB"].map((name) => numberOf(node, name, 0) !== 0);
    return [[first ? a![1]! : a![0]!, second ? b![0]! : b![1]!]];
  },
  Greater: elementwise,
  GreaterOrEqual: elementwise,
};

/** ONNX operations that a graph may apply to activations, for messages. */
export const SUPPORTED: readonly string[] = [
  ...new Set([...Object.keys(INFER), ...Object.keys(FORMULAS)]),
].sort();

/**
 * Shapes of a node's outputs.
 *
 * @throws ConvertError if the operation is not supported or its inputs do not fit
 */
export function inferShapes(graph: Graph, node: Node): readonly number[][] {
  const infer =
    INFER[node.type] ?? (FORMULAS[node.type] ? (node.type === "Clip" ? same : elementwise) : undefined);
  if (!infer) {
    throw new ConvertError(`${describe(node)}: not supported${hintOf(node.type)}`);
  }
  const names = node.inputs.filter((name) => name !== "");
  if (names.length === 0) throw new ConvertError(`${describe(node)}: an input is missing`);
  return infer(
    node,
    names.map((name) => shapeOf(graph, name)),
    graph,
  );
}
