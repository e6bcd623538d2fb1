/** Operations that only move values: most only change the view. */
import { CHANNEL_FASTER, PLACE_FASTER } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import { describe, type Node, numberOf, stringOf } from "../graph.js";
import { axesOf, constantInput, partsOf, type Stretch, stretchesOf } from "../onnx/inputs.js";
import { expanded } from "./elementwise.js";
import { type Atom, axisOf, indicesOf, plainView, regrouped, sizeOf, type View, wholeAxis } from "./view.js";
import type { Shape, Walk } from "./walk.js";

/** Reshape, Flatten, Squeeze and Unsqueeze: the same elements in the same order. */
export function reshape(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const sizes = walk.fileShape(node.outputs[0]!);
  const dims = regrouped(view.dims, sizes);
  if (!dims) {
    throw new ConvertError(
      `${describe(node)}: from [${view.dims.map(sizeOf)}] to [${sizes}] cuts an axis unevenly, which is not supported`,
    );
  }
  walk.set(node.outputs[0]!, { base: view.base, dims });
}

export function transpose(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const rank = view.dims.length;
  const order =
    (node.attributes.perm as readonly number[] | undefined) ?? view.dims.map((_, i) => rank - 1 - i);
  walk.set(node.outputs[0]!, { base: view.base, dims: order.map((axis) => view.dims[axis]!) });
}

export function slice(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const shape = view.dims.map(sizeOf);
  const stretches = stretchesOf(walk.graph, node, shape);
  walk.set(node.outputs[0]!, taken(walk, node, view, stretches, node.outputs[0]!));
}

export function split(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const rank = view.dims.length;
  const axis = (numberOf(node, "axis", 0) + rank) % rank;
  let first = 0;
  for (const [i, count] of partsOf(walk.graph, node, sizeOf(view.dims[axis]!)).entries()) {
    const output = node.outputs[i]!;
    if (output) walk.set(output, taken(walk, node, view, [{ axis, first, step: 1, count }], output));
    first += count;
  }
}

/** What some stretches take of a view. */
function taken(walk: Walk, node: Node, view: View, stretches: readonly Stretch[], output: string): View {
  let current = view;
  const open = stretches.filter(({ axis, first, step, count }) => {
    return !(first === 0 && step === 1 && count === sizeOf(view.dims[axis]!));
  });
  const moves: Stretch[] = [];
  for (const stretch of open) {
    const dim = current.dims[stretch.axis]!;
    const axis = axisOf(dim, walk.shapeOf(current.base));
    if (isAllChannels(dim, walk.shapeOf(current.base))) {
      const channels = indicesOf(dim);
      const indices = Array.from(
        { length: stretch.count },
        (_, i) => channels[stretch.first + i * stretch.step]!,
      );
      const name = open.length === 1 ? output : `${output}#${stretch.axis}`;
      const { base } = walk.select(node, current.base, indices, name);
      current = replaced({ ...current, base }, stretch.axis, wholeAxis(1, stretch.count));
    } else if (axis !== undefined) {
      moves.push(stretch);
    } else {
      throw new ConvertError(`${describe(node)}: a part of an axis that was reshaped is not supported`);
    }
  }
  return moves.length === 0 ? current : cropped(walk, node, current, moves, output);
}

/** Whether an axis runs over all channels, in any order. */
function isAllChannels(dim: readonly Atom[], shape: Shape): boolean {
  return dim.length > 0 && dim.every(({ axis }) => axis === 1) && sizeOf(dim) === shape[1];
}

/** A view with one axis in another form. */
function replaced({ base, dims }: View, axis: number, dim: readonly Atom[]): View {
  return { base, dims: dims.map((old, i) => (i === axis ? dim : old)) };
}

/** Rows and columns left out: a crop, and with a step a depthwise convolution that picks. */
function cropped(walk: Walk, node: Node, view: View, moves: readonly Stretch[], output: string): View {
  const shape = walk.shapeOf(view.base);
  const find = (axis: 2 | 3): Stretch => {
    const move = moves.find((stretch) => axisOf(view.dims[stretch.axis]!, shape) === axis);
    return move ?? { axis: -1, first: 0, step: 1, count: shape[axis] };
  };
  const [down, across] = [find(2), find(3)];
  if (down.step < 1 || across.step < 1)
    throw new ConvertError(`${describe(node)}: mirroring is not supported`);
  const span = ({ count, step }: Stretch): number => (count - 1) * step + 1;
  const crops = [
    down.first,
    across.first,
    shape[2] - down.first - span(down),
    shape[3] - across.first - span(across),
  ];
  const isPlain = down.step === 1 && across.step === 1;
  const name = isPlain ? output : `${output}#cropped`;
  let { base } = walk.depthToSpace(node, view.base, [1, 1], CHANNEL_FASTER, crops, name);
  if (!isPlain) {
    const ones = walk.constant(
      node,
      `${output}#ones`,
      [shape[1], 1, 1, 1],
      new Array<number>(shape[1]).fill(1),
    );
    const attributes = {
      kernel: [1, 1],
      strides: [down.step, across.step],
      dilations: [1, 1],
      pads: [0, 0, 0, 0],
      group: shape[1],
      selects: 1,
    };
    base = walk.emit(
      node,
      "conv",
      [base, ones],
      [1, shape[1], down.count, across.count],
      attributes,
      output,
    ).base;
  }
  const dims = view.dims.map((dim, i) => {
    const move = moves.find(({ axis }) => axis === i);
    return move ? wholeAxis(dim[0]!.axis, move.count) : dim;
  });
  return { base, dims };
}

/** Gather over channels by known indices. */
export function gather(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const rank = view.dims.length;
  const at = (numberOf(node, "axis", 0) + rank) % rank;
  const size = sizeOf(view.dims[at]!);
  const given = constantInput(walk.graph, node, 1)!;
  const indices = given.map((index) => (index < 0 ? index + size : index));
  if (!indices.every((index) => index >= 0 && index < size)) {
    throw new ConvertError(`${describe(node)}: an index lies outside`);
  }
  const output = node.outputs[0]!;
  const axis = axisOf(view.dims[at]!, walk.shapeOf(view.base));
  const step = indices.length > 1 ? indices[1]! - indices[0]! : 1;
  const isEven = indices.every((index, i) => index === indices[0]! + i * step);
  let made: View;
  if (axis === 1) {
    const { base } = walk.select(node, view.base, indices, output);
    made = replaced({ ...view, base }, at, wholeAxis(1, indices.length));
  } else if (isEven && step > 0) {
    const stretch = { axis: at, first: indices[0]!, step, count: indices.length };
    made = taken(walk, node, view, [stretch], output);
  } else {
    throw new ConvertError(`${describe(node)}: indices of pixels in another order are not supported`);
  }
  const sizes = walk.constants.get(node.inputs[1]!)!.dims;
  const inner = regrouped([made.dims[at]!], sizes);
  if (!inner) throw new ConvertError(`${describe(node)}: indices of shape [${sizes}] are not supported`);
  const dims = [...made.dims.slice(0, at), ...inner, ...made.dims.slice(at + 1)];
  walk.set(output, { base: made.base, dims });
}

/** Expand and Tile: channels or pixels repeated. */
export function expand(walk: Walk, node: Node): void {
  const output = node.outputs[0]!;
  const to = walk.fileShape(output);
  const view = walk.view(node);
  const dims = [...new Array<readonly Atom[]>(to.length - view.dims.length).fill([]), ...view.dims];
  const from = dims.map(sizeOf);
  const changed = to.flatMap((size, i) => (size === from[i] ? [] : [i]));
  if (changed.length === 0) {
    walk.set(output, { base: view.base, dims });
    return;
  }
  const base = walk.materialize(node, { base: view.base, dims }, `${output}#arranged`);
  const shape = walk.shapeOf(base);
  if (changed.every((i) => shape[i] === 1)) {
    const made = expanded(walk, node, base, to as unknown as Shape, output);
    walk.set(output, plainView(made, walk.shapeOf(made)));
    return;
  }
  if (changed.join() !== "1")
    throw new ConvertError(`${describe(node)}: pixels repeated as tiles are not supported`);
  const indices = Array.from({ length: to[1]! }, (_, i) => i % shape[1]);
  walk.set(output, walk.select(node, base, indices, output));
}

export function depthToSpace(walk: Walk, node: Node): void {
  const base = walk.materialize(node, walk.view(node), `${node.outputs[0]}#arranged`);
  const block = numberOf(node, "blocksize", 1);
  const mode = stringOf(node, "mode", "DCR") === "CRD" ? PLACE_FASTER : CHANNEL_FASTER;
  const made = walk.depthToSpace(node, base, [block, block], mode, [0, 0, 0, 0], node.outputs[0]!);
  walk.set(node.outputs[0]!, made);
}

export function spaceToDepth(walk: Walk, node: Node): void {
  const base = walk.materialize(node, walk.view(node), `${node.outputs[0]}#arranged`);
  const [, channels, height, width] = walk.shapeOf(base);
  const block = numberOf(node, "blocksize", 1);
  const dims = regrouped(plainView(base, walk.shapeOf(base)).dims, [
    1,
    channels,
    height / block,
    block,
    width / block,
    block,
  ]);
  if (!dims)
    throw new ConvertError(`${describe(node)}: ${width}x${height} pixels are no whole blocks of ${block}`);
  const order = [dims[0]!, [...dims[3]!, ...dims[5]!, ...dims[1]!], dims[2]!, dims[4]!];
  const made = walk.materialize(node, { base, dims: order }, node.outputs[0]!);
  walk.set(node.outputs[0]!, plainView(made, walk.shapeOf(made)));
}

/** Pad, where each axis of the view is a whole one. */
export function pad(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const rank = view.dims.length;
  const axes = axesOf(walk.graph, node, 3, rank) ?? view.dims.map((_, i) => i);
  const list = constantInput(walk.graph, node, 1) ?? [];
  const shape = walk.shapeOf(view.base);
  const pads = new Array<number>(8).fill(0);
  axes.forEach((axis, i) => {
    const [before, after] = [list[i]!, list[i + axes.length]!];
    if (before === 0 && after === 0) return;
    const to = axisOf(view.dims[axis]!, shape);
    if (to === undefined || to === 1)
      throw new ConvertError(`${describe(node)}: only height and width can be padded`);
    pads[to] = before;
    pads[to + 4] = after;
  });
  const sides = [pads[2]!, pads[3]!, pads[6]!, pads[7]!];
  const crops = sides.map((side) => Math.max(0, -side));
  const output = node.outputs[0]!;
  const isMore = sides.some((side) => side > 0);
  let { base } = view;
  if (crops.some((crop) => crop > 0)) {
    base = walk.depthToSpace(
      node,
      base,
      [1, 1],
      CHANNEL_FASTER,
      crops,
      isMore ? `${output}#cropped` : output,
    ).base;
  }
  if (isMore || base === view.base) {
    const kept = sides.map((side) => Math.max(0, side));
    const mode = stringOf(node, "mode", "constant");
    const value = constantInput(walk.graph, node, 2)?.[0] ?? 0;
    const [top, left, bottom, right] = kept as [number, number, number, number];
    const [, channels, height, width] = walk.shapeOf(base);
    const padded: Shape = [1, channels, height + top + bottom, width + left + right];
    walk.emit(node, "Pad", [base], padded, { pads: kept, mode, value });
    base = output;
  }
  const made = walk.shapeOf(base);
  const dims = view.dims.map((dim) => {
    const axis = axisOf(dim, shape);
    return axis === undefined ? dim : wholeAxis(axis, made[axis]);
  });
  walk.set(output, { base, dims });
}
