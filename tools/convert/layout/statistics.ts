/** Means, maxima, sums and norms over axes. */
import { OVER_CHANNELS, OVER_PLANE } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import { describe, type Node, numberOf } from "../graph.js";
import { constantInput, reducedAxes } from "../onnx/inputs.js";
import { stackOf } from "./concat.js";
import { chain } from "./elementwise.js";
import { axisOf, plainView, sizeOf, type View } from "./view.js";
import type { Shape, Walk } from "./walk.js";

/** ReduceMean, ReduceSum, ReduceMax and ReduceMin over whole axes of the base. */
export function reduce(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const rank = view.dims.length;
  const axes = reducedAxes(walk.graph, node, rank);
  const stack = stackOf(walk, node, axes);
  if (stack) {
    reduceStack(walk, node, stack, axes[0]!);
    return;
  }
  const shape = walk.shapeOf(view.base);
  const reduced = view.dims.filter((_, i) => axes.includes(i)).flat();
  const isWhole = reduced.every((atom) => {
    const all = reduced.reduce((total, { axis, size }) => (axis === atom.axis ? total * size : total), 1);
    return all === shape[atom.axis];
  });
  if (!isWhole) throw new ConvertError(`${describe(node)}: only over all channels, rows or columns`);
  const over = [2, 3, 1].filter((axis) => reduced.some((atom) => atom.axis === axis));
  const made = reducedBase(walk, node, view.base, over);
  const keep = numberOf(node, "keepdims", 1) !== 0;
  const dims = view.dims.flatMap((dim, i) => (!axes.includes(i) ? [dim] : keep ? [[]] : []));
  walk.set(node.outputs[0]!, { base: made, dims });
}

/** A function of each value before a sum; and whether the result is the root of the sum. */
interface Composed {
  readonly terms: "Abs" | "Pow";
  readonly isRoot: boolean;
}

export const COMPOSED: Readonly<Record<string, Composed>> = {
  ReduceL1: { terms: "Abs", isRoot: false },
  ReduceL2: { terms: "Pow", isRoot: true },
  ReduceSumSquare: { terms: "Pow", isRoot: false },
};

/** Sums of absolute values or squares, and their root. */
export function reduceComposed(walk: Walk, node: Node): void {
  const { terms: type, isRoot } = COMPOSED[node.type]!;
  const output = node.outputs[0]!;
  const { base, dims } = walk.view(node);
  const terms = `${output}#terms`;
  const inputs = type === "Pow" ? [base, walk.constant(node, "two", [], [2])] : [base];
  walk.views.set(terms, { ...walk.emit(node, type, inputs, walk.shapeOf(base), {}, terms), dims });
  const sum = isRoot ? `${output}#sum` : output;
  reduce(walk, { ...node, type: "ReduceSum", inputs: [terms, ...node.inputs.slice(1)], outputs: [sum] });
  if (!isRoot) return;
  const view = walk.views.get(sum)!;
  const squared = (values: Float32Array): Float32Array => values.map((value) => value * value);
  for (const [name, measure] of walk.measures) {
    if (measure.tensor === sum && "of" in measure)
      walk.measures.set(name, { tensor: output, of: (values) => measure.of(squared(values)) });
  }
  walk.measures.set(view.base, { tensor: output, of: squared });
  walk.emit(node, "Sqrt", [view.base], walk.shapeOf(view.base));
  walk.set(output, { base: output, dims: view.dims });
}

/** Of tensors that a Concat has stacked: one after the other. */
function reduceStack(walk: Walk, node: Node, inputs: readonly string[], axis: number): void {
  const output = node.outputs[0]!;
  const isMean = node.type === "ReduceMean";
  const types: Readonly<Record<string, string>> = { ReduceMax: "Max", ReduceMin: "Min" };
  const name = isMean ? `${output}#sum` : output;
  chain(walk, { ...node, inputs, outputs: [name] }, types[node.type] ?? "Add");
  let view = walk.views.get(name)!;
  if (isMean) {
    const number = walk.constant(node, "count", [], [1 / inputs.length]);
    const { base } = walk.emit(node, "Mul", [view.base, number], walk.shapeOf(view.base));
    view = { base, dims: view.dims };
  }
  const keep = numberOf(node, "keepdims", 1) !== 0;
  walk.set(output, { base: view.base, dims: keep ? view.dims : view.dims.filter((_, i) => i !== axis) });
}

function reducedBase(walk: Walk, node: Node, base: string, over: readonly number[]): string {
  const output = node.outputs[0]!;
  if (over.length === 0) return base;
  const shape = walk.shapeOf(base);
  const planes = over.filter((axis) => axis > 1 && shape[axis]! > 1);
  const isMax = node.type === "ReduceMax" || node.type === "ReduceMin";
  let current = base;
  const steps: (() => string)[] = [];
  const name = (): string => (steps.length === 0 ? output : `${output}#${steps.length}`);
  if (node.type === "ReduceMin") {
    steps.push(() => walk.emit(node, "Neg", [current], walk.shapeOf(current), {}, name()).base);
  }
  if (planes.length > 0) steps.push(() => overPlane(walk, node, current, planes, isMax, name()));
  if (over.includes(1) && shape[1] > 1) steps.push(() => overChannels(walk, node, current, isMax, name()));
  if (node.type === "ReduceMin") {
    steps.push(() => walk.emit(node, "Neg", [current], walk.shapeOf(current), {}, name()).base);
  }
  if (node.type === "ReduceSum") {
    const count = over.reduce((total, axis) => total * shape[axis]!, 1);
    const number = walk.constant(node, "count", [], [count]);
    steps.push(() => {
      if (current !== base)
        walk.measures.set(current, { tensor: output, of: (values) => values.map((value) => value / count) });
      return walk.emit(node, "Mul", [current, number], walk.shapeOf(current), {}, name()).base;
    });
  }
  while (steps.length > 0) {
    const step = steps.shift()!;
    current = step();
  }
  return current;
}

function overPlane(
  walk: Walk,
  node: Node,
  base: string,
  planes: readonly number[],
  isMax: boolean,
  output: string,
): string {
  const [, channels, height, width] = walk.shapeOf(base);
  const rows = planes.includes(2) ? height : 1;
  const columns = planes.includes(3) ? width : 1;
  const shape: Shape = [1, channels, height / rows, width / columns];
  const isWhole = rows === height && columns === width;
  if (isWhole && isMax) return walk.emit(node, "reduceMax", [base], shape, { mode: OVER_PLANE }, output).base;
  if (isWhole) return walk.emit(node, "globalAveragePool", [base], shape, {}, output).base;
  const kernel = { kernel_shape: [rows, columns], strides: [1, 1] };
  return walk.emit(node, isMax ? "MaxPool" : "AveragePool", [base], shape, kernel, output).base;
}

function overChannels(walk: Walk, node: Node, base: string, isMax: boolean, output: string): string {
  const [, channels, height, width] = walk.shapeOf(base);
  const shape: Shape = [1, 1, height, width];
  if (isMax) return walk.emit(node, "reduceMax", [base], shape, { mode: OVER_CHANNELS }, output).base;
  const weights = walk.constant(
    node,
    `${output}#mean`,
    [1, channels, 1, 1],
    new Array<number>(channels).fill(1 / channels),
  );
  return walk.emit(node, "Conv", [base, weights], shape, { kernel_shape: [1, 1] }, output).base;
}

export function globalMaxPool(walk: Walk, node: Node): void {
  const output = node.outputs[0]!;
  const base = walk.materialize(node, walk.view(node), `${output}#arranged`);
  const [, channels] = walk.shapeOf(base);
  walk.set(output, walk.emit(node, "reduceMax", [base], [1, channels, 1, 1], { mode: OVER_PLANE }));
}

/** InstanceNormalization: of the channels, or of groups of them that a Reshape has put on the second axis. */
export function instanceNorm(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const shape = walk.shapeOf(view.base);
  const [outer] = view.dims[1] ?? [];
  const groups = sizeOf(view.dims[1] ?? []);
  const own = shape[1] / groups;
  const isGrouped = groups === 1 || (outer?.axis === 1 && outer.size === groups && outer.stride === own);
  const rest = view.dims.slice(2).flat();
  const covers = rest.reduce((total, { size }) => total * size, 1) === own * shape[2] * shape[3];
  if (!isGrouped || !covers || sizeOf(view.dims[0]!) !== 1) {
    throw new ConvertError(`${describe(node)}: only over whole planes of channels or groups of channels`);
  }
  const [scale, shift] = [1, 2].map((index) => constantInput(walk.graph, node, index));
  const spread = (list: readonly number[] | undefined): number[] | undefined =>
    list && Array.from({ length: shape[1] }, (_, c) => list[Math.floor(c / own)]!);
  normalized(walk, node, view, groups, OVER_PLANE, spread(scale), spread(shift));
}

/** GroupNormalization, with one scale a group or a channel. */
export function groupNorm(walk: Walk, node: Node): void {
  const base = walk.materialize(node, walk.view(node), `${node.outputs[0]}#arranged`);
  const groups = numberOf(node, "num_groups", 1);
  const [, channels] = walk.shapeOf(base);
  const spread = (list: readonly number[] | undefined): number[] | undefined =>
    list && Array.from({ length: channels }, (_, c) => list[Math.floor((c * list.length) / channels)]!);
  const [scale, shift] = [1, 2].map((index) => constantInput(walk.graph, node, index));
  const view = plainView(base, walk.shapeOf(base));
  normalized(walk, node, view, groups, OVER_PLANE, spread(scale), spread(shift));
}

/** LayerNormalization over the channels of each pixel, or over everything. */
export function layerNorm(walk: Walk, node: Node): void {
  const given = walk.view(node);
  const rank = given.dims.length;
  const axis = (numberOf(node, "axis", -1) + rank) % rank;
  const view = axis === rank - 1 ? walk.ordered(node, given, axis) : given;
  const shape = walk.shapeOf(view.base);
  const over = view.dims.slice(axis);
  const isChannels = over.length === 1 && axisOf(over[0]!, shape) === 1;
  const isAll = over.flat().reduce((total, { size }) => total * size, 1) === shape[1] * shape[2] * shape[3];
  const [scale, shift] = [1, 2].map((index) => constantInput(walk.graph, node, index));
  const isSmall = [scale, shift].every(
    (list) => !list || list.length === shape[1] || list.every((v) => v === list[0]),
  );
  if (!(isChannels || isAll) || !isSmall) {
    throw new ConvertError(`${describe(node)}: only over the channels, or over channels, rows and columns`);
  }
  const spread = (list: readonly number[] | undefined): number[] | undefined =>
    list && Array.from({ length: shape[1] }, (_, c) => list[c % list.length]!);
  const mode = isChannels ? OVER_CHANNELS : OVER_PLANE;
  normalized(walk, node, view, 1, mode, spread(scale), spread(shift));
}

/** MeanVarianceNormalization, without scales: over the channels of each pixel, planes of one channel, or everything. */
export function meanVariance(walk: Walk, node: Node): void {
  const axes = (node.attributes.axes as readonly number[] | undefined) ?? [0, 2, 3];
  const given = walk.view(node);
  const own = axes.map((axis) => (axis + given.dims.length) % given.dims.length);
  const view = own.length === 1 ? walk.ordered(node, given, own[0]!) : given;
  const shape = walk.shapeOf(view.base);
  const atoms = view.dims.filter((_, axis) => own.includes(axis)).flat();
  const count = sizeOf(atoms);
  const isOver = (...over: readonly number[]): boolean =>
    atoms.every(({ axis }) => over.includes(axis)) &&
    count === over.reduce((total, axis) => total * shape[axis]!, 1);
  const small = { ...node, attributes: { epsilon: numberOf(node, "epsilon", 1e-9) } };
  if (isOver(1)) normalized(walk, small, view, 1, OVER_CHANNELS, undefined, undefined);
  else if (isOver(2, 3)) normalized(walk, small, view, shape[1], OVER_PLANE, undefined, undefined);
  else if (isOver(1, 2, 3)) normalized(walk, small, view, 1, OVER_PLANE, undefined, undefined);
  else throw new ConvertError(`${describe(node)}: only over channels, planes, or both`);
}

/** A norm, and scale and shift of each channel behind it. */
function normalized(
  walk: Walk,
  node: Node,
  view: View,
  groups: number,
  mode: number,
  scale: readonly number[] | undefined,
  shift: readonly number[] | undefined,
): void {
  const output = node.outputs[0]!;
  const shape = walk.shapeOf(view.base);
  const isPlain =
    (scale ?? [1]).every((value) => value === 1) && (shift ?? [0]).every((value) => value === 0);
  const name = isPlain ? output : `${output}#normalized`;
  const epsilon = Math.max(numberOf(node, "epsilon", 1e-5), 2 ** -60);
  walk.emit(node, "groupNorm", [view.base], shape, { groups, mode, epsilon }, name);
  if (!isPlain) {
    const ones = new Array<number>(shape[1]).fill(1);
    const [factors, offsets] = [scale ?? ones, shift ?? ones.map(() => 0)];
    const lists = [
      walk.constant(node, "factors", [shape[1]], factors),
      walk.constant(node, "offsets", [shape[1]], offsets),
    ];
    walk.emit(node, "affine", [name, ...lists], shape);
    walk.measures.set(name, { tensor: output, factors, offsets });
  }
  walk.set(output, { base: output, dims: view.dims });
}
