/** Shapes of the outputs of every ONNX operation that the converter accepts on activations. */

import { ConvertError } from "../errors.js";
import { FORMULAS } from "../expression.js";
import { describe, type Graph, listOf, type Node, numberOf, shapeOf, stringOf } from "../graph.js";
import { broadcast } from "./constants.js";

type Infer = (node: Node, shapes: readonly (readonly number[])[], graph: Graph) => readonly number[][];

/** Window of a convolution or pooling with everything implied made explicit. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  readonly size: readonly [number, number];
}

/**
 * The window of a Conv, MaxPool or AveragePool over an input of [1, channels, height, width]: `auto_pad` is
 * turned into padding, and where `ceil_mode` gives one more window, the padding grows to hold it.
 */
export function windowOf(node: Node, input: readonly number[], kernel: readonly number[]): Window {
  const strides = listOf(node, "strides", 2, 1);
  const dilations = listOf(node, "dilations", 2, 1);
  const pads = listOf(node, "pads", 4, 0);
  const size: number[] = [];
  const mode = stringOf(node, "auto_pad", "NOTSET");
  for (const axis of [0, 1]) {
    const length = input[2 + axis]!;
    const stride = strides[axis]!;
    const span = dilations[axis]! * (kernel[axis]! - 1) + 1;
    if (!(stride >= 1 && span >= 1))
      throw new ConvertError(`${describe(node)}: strides or dilations below 1`);
    if (mode === "SAME_UPPER" || mode === "SAME_LOWER") {
      const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + span - length);
      const less = Math.floor(total / 2);
      pads[axis] = mode === "SAME_UPPER" ? less : total - less;
      pads[axis + 2] = total - pads[axis]!;
    } else if (mode === "VALID") {
      pads[axis] = 0;
      pads[axis + 2] = 0;
    }
    const rest = length + pads[axis]! + pads[axis + 2]! - span;
    size[axis] = Math.floor(rest / stride) + 1;
    const begins = size[axis]! * stride < length + pads[axis]!;
    if (numberOf(node, "ceil_mode", 0) !== 0 && rest % stride !== 0 && begins) {
      pads[axis + 2]! += stride - (rest % stride);
      size[axis]!++;
    }
    if (!(rest >= 0)) throw new ConvertError(`${describe(node)}: the window is larger than its input`);
    if (pads[axis]! < 0 || pads[axis + 2]! < 0) throw new ConvertError(`${describe(node)}: negative padding`);
  }
  return { kernel, strides, dilations, pads, size } as unknown as Window;
}

function picture(node: Node, shape: readonly number[] | undefined): readonly number[] {
  if (shape?.length !== 4) {
    throw new ConvertError(
      `${describe(node)}: expected [1, channels, height, width], got [${shape?.join(", ") ?? ""}]`,
    );
  }
  return shape;
}

const same: Infer = (_, [first]) => [[...first!]];

const elementwise: Infer = (node, shapes) => [shapes.reduce((a, b) => broadcast(node, a, b)) as number[]];

const pool: Infer = (node, [input]) => {
  const [batch, channels] = picture(node, input);
  const { size } = windowOf(node, input!, listOf(node, "kernel_shape", 2, 1));
  return [[batch!, channels!, ...size]];
};

/** Numbers of a constant input, or undefined where it is left out. */
export function constantInput(graph: Graph, node: Node, index: number): number[] | undefined {
  const name = node.inputs[index];
  if (name === undefined || name === "") return undefined;
  const constant = graph.constants.get(name);
  if (!constant) throw new ConvertError(`${describe(node)}: input ${index} "${name}" must be a constant`);
  return Array.from(constant.values);
}

/** Axes of an operation, from its attribute or its input, counted from the front. */
export function axesOf(graph: Graph, node: Node, index: number, rank: number): number[] | undefined {
  const attribute = node.attributes.axes;
  const axes = Array.isArray(attribute) ? (attribute as number[]) : constantInput(graph, node, index);
  return axes?.map((axis) => (axis + rank) % rank);
}

const resize: Infer = (node, [input], graph) => {
  const shape = picture(node, input);
  const isUpsample = node.type === "Upsample";
  const axes = axesOf(graph, { ...node, inputs: [] }, 0, 4) ?? [0, 1, 2, 3];
  const result = [...shape];
  const scales = constantInput(graph, node, isUpsample ? 1 : 2);
  const sizes = isUpsample ? undefined : constantInput(graph, node, 3);
  axes.forEach((axis, i) => {
    if (sizes && sizes.length > 0) result[axis] = sizes[i]!;
    else result[axis] = Math.floor(shape[axis]! * Math.fround(scales?.[i] ?? Number.NaN));
  });
  if (!result.every((size) => size >= 1 && size <= 16384)) {
    throw new ConvertError(`${describe(node)}: the size it enlarges to is not known`);
  }
  return [result];
};

const INFER: Readonly<Record<string, Infer>> = {
  Conv: (node, [input, weights]) => {
    const shape = picture(node, input);
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
    return [[shape[0]!, outputs!, ...windowOf(node, shape, [height!, width!]).size]];
  },
  MaxPool: pool,
  AveragePool: pool,
  GlobalAveragePool: (node, [input]) => [[...picture(node, input).slice(0, 2), 1, 1]],
  ReduceMean: (node, [input], graph) => {
    const shape = picture(node, input);
    const axes = axesOf(graph, node, 1, shape.length) ?? [0, 1, 2, 3];
    const keep = numberOf(node, "keepdims", 1) !== 0;
    return [
      shape.map((size, axis) => (axes.includes(axis) ? (keep ? 1 : 0) : size)).filter((size) => size > 0),
    ];
  },
  BatchNormalization: same,
  Identity: same,
  Dropout: same,
  Cast: same,
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
  Upsample: resize,
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
    const order = listOf(node, "perm", input!.length, -1);
    return [order.map((axis) => input![axis] ?? input![input!.length - 1 - axis]!)];
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
  Gather: (node, [data, indices]) => {
    if (data!.length !== 1)
      throw new ConvertError(`${describe(node)}: only tables of one axis are supported`);
    return [[...indices!]];
  },
};

/** ONNX operations that a graph may apply to activations, for messages. */
export const SUPPORTED: readonly string[] = [
  ...new Set([...Object.keys(INFER), ...Object.keys(FORMULAS)].filter((type) => type !== "Gather")),
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
    throw new ConvertError(`${describe(node)}: not supported; supported are ${SUPPORTED.join(", ")}`);
  }
  const names = node.inputs.filter((name) => name !== "");
  if (names.length === 0) throw new ConvertError(`${describe(node)}: an input is missing`);
  return infer(
    node,
    names.map((name) => shapeOf(graph, name)),
    graph,
  );
}
