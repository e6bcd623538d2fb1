/** Constant inputs of nodes: numbers, axes. */
import { ConvertError } from "../errors.js";
import { describe, type Graph, type Node, numberOf, stringOf } from "../graph.js";

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

/** The axes of a reduction: those that it names, or all; an attribute may say that none means none. */
export function reducedAxes(graph: Graph, node: Node, rank: number): number[] {
  const axes = axesOf(graph, node, 1, rank) ?? [];
  const isNone = axes.length === 0 && numberOf(node, "noop_with_empty_axes", 0) === 0;
  return isNone ? Array.from({ length: rank }, (_, axis) => axis) : axes;
}

/** What a Slice takes of an axis of `size` elements: the first, the step, and how many. */
export interface Stretch {
  readonly axis: number;
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/** What a Slice takes of each axis that it names, for an input of the given shape. */
export function stretchesOf(graph: Graph, node: Node, shape: readonly number[]): Stretch[] {
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((index) => constantInput(graph, node, index));
  return (starts ?? []).map((start, i) => {
    const axis = ((axes?.[i] ?? i) + shape.length) % shape.length;
    const size = shape[axis]!;
    const step = steps?.[i] ?? 1;
    if (step === 0) throw new ConvertError(`${describe(node)}: a step of 0`);
    const [least, most] = step > 0 ? [0, size] : [-1, size - 1];
    const clip = (at: number): number => Math.max(least, Math.min(most, at < 0 ? at + size : at));
    const first = clip(start);
    return { axis, first, step, count: Math.max(0, Math.ceil((clip(ends?.[i] ?? size) - first) / step)) };
  });
}

/** Lengths of the parts of a Split. */
export function partsOf(graph: Graph, node: Node, size: number): number[] {
  const given = constantInput(graph, node, 1);
  if (given) return given;
  const count = node.outputs.length;
  const each = Math.ceil(size / count);
  return Array.from({ length: count }, (_, i) => Math.min(each, size - i * each));
}

/** The factor of each axis of a Resize, where it gives factors, or sizes that keep the proportions; else undefined. */
export function resizeScales(graph: Graph, node: Node, shape: readonly number[]): number[] | undefined {
  const axes = axesOf(graph, { ...node, inputs: [] }, 0, shape.length) ?? shape.map((_, axis) => axis);
  const [scales, sizes] = [2, 3].map((index) => constantInput(graph, node, index) ?? []) as [
    number[],
    number[],
  ];
  const policy = stringOf(node, "keep_aspect_ratio_policy", "stretch");
  const spread = (list: readonly number[]): number[] => {
    const result = shape.map(() => 1);
    axes.forEach((axis, i) => {
      result[axis] = list[i] ?? Number.NaN;
    });
    return result;
  };
  if (sizes.length === 0) return scales.length === 0 ? undefined : spread(scales.map(Math.fround));
  if (policy === "stretch") return undefined;
  const factors = axes.map((axis, i) => sizes[i]! / shape[axis]!);
  const factor = policy === "not_larger" ? Math.min(...factors) : Math.max(...factors);
  return spread(axes.map(() => factor));
}
