/** Concat, of activations and of constants. */
import { ConvertError } from "../errors.js";
import { describe, type Node, numberOf, producers } from "../graph.js";
import { type Atom, isSameDim, type View, wholeAxis } from "./view.js";
import type { Shape, Walk } from "./walk.js";

/** Concat, where all inputs are laid out alike, or over channels. */
export function concat(walk: Walk, node: Node): void {
  const shape = walk.fileShape(node.outputs[0]!);
  const rank = shape.length;
  const axis = (numberOf(node, "axis", 1) + rank) % rank;
  const names = node.inputs.filter((name) => !walk.constants.get(name)?.dims.includes(0));
  const like = names.find((name) => !walk.constants.has(name))!;
  const views = names.map((name, i) =>
    walk.constants.has(name)
      ? constantView(walk, node, i, name, walk.views.get(like)!)
      : walk.views.get(name)!,
  );
  if (views.length === 1) {
    walk.set(node.outputs[0]!, views[0]!);
    return;
  }
  const stack = stacked(walk, node, views, axis);
  if (stack) {
    walk.set(node.outputs[0]!, stack);
    return;
  }
  const channelsOf = (view: View): number => walk.shapeOf(view.base)[1];
  const isAlike = views.every((view) =>
    view.dims.every((dim, i) =>
      i === axis ? isSameDim(dim, wholeAxis(1, channelsOf(view))) : isSameDim(dim, views[0]!.dims[i]!),
    ),
  );
  const bases = isAlike
    ? views.map(({ base }) => base)
    : views.map((view, i) => walk.materialize(node, view, `${node.outputs[0]}#input${i}`));
  if (!isAlike && (axis !== 1 || rank !== 4)) throw new ConvertError(`${describe(node)}: only over channels`);
  const [, , height, width] = walk.shapeOf(bases[0]!);
  const channels = bases.reduce((sum, base) => sum + walk.shapeOf(base)[1], 0);
  const made = walk.emit(node, "Concat", bases, [1, channels, height, width], { axis: 1 });
  const dims = isAlike
    ? views[0]!.dims.map((dim, i) => (i === axis ? wholeAxis(1, channels) : dim))
    : made.dims;
  walk.set(node.outputs[0]!, { base: made.base, dims });
}

/** Tensors laid out alike along an axis that they lack: one behind the other in the channels. */
function stacked(walk: Walk, node: Node, views: readonly View[], axis: number): View | undefined {
  const [first] = views as [View, ...View[]];
  const shape = walk.shapeOf(first.base);
  const isAlike = views.every(
    ({ base, dims }) =>
      walk.shapeOf(base).join() === shape.join() &&
      dims.every((dim, i) => (i === axis ? dim.length === 0 : isSameDim(dim, first.dims[i]!))),
  );
  if (!isAlike || shape[1] === 1) return undefined;
  const [, channels, height, width] = shape;
  const bases = views.map(({ base }) => base);
  const made = walk.emit(node, "Concat", bases, [1, channels * views.length, height, width], { axis: 1 });
  const whole: Atom[] = [{ axis: 1, size: views.length, stride: channels }];
  return { base: made.base, dims: first.dims.map((dim, i) => (i === axis ? whole : dim)) };
}

/**
 * Inputs of the Concat that a node reads, where it joins single elements of the one axis that the node reduces: their
 * sum, mean or maximum is one of tensors.
 */
export function stackOf(walk: Walk, node: Node, axes: readonly number[]): readonly string[] | undefined {
  const before = producers(walk.graph).get(node.inputs[0]!);
  if (before?.type !== "Concat" || axes.length !== 1) return undefined;
  const rank = walk.fileShape(node.inputs[0]!).length;
  const isAxis = (numberOf(before, "axis", 1) + rank) % rank === axes[0];
  const isSingle = before.inputs.every((name) => walk.fileShape(name)[axes[0]!] === 1);
  return isAxis && isSingle && before.inputs.length > 1 ? before.inputs : undefined;
}

/** A constant that is the same at every pixel: biases of a convolution without weights, of a tensor of that size. */
function constantView(walk: Walk, node: Node, index: number, name: string, like: View): View {
  const { dims, values } = walk.constants.get(name)!;
  const base = walk.materialize(node, like, `${node.outputs[0]}#like`);
  const [, inChannels, height, width] = walk.shapeOf(base);
  const [, channels = 0, rows, columns] = dims;
  const plane = height * width;
  const isAlike = dims.length === 4 && rows === height && columns === width;
  if (!isAlike || !values.every((value, at) => value === values[at - (at % plane)])) {
    throw new ConvertError(`${describe(node)}: "${name}" is a constant that differs from pixel to pixel`);
  }
  const biases = Array.from({ length: channels }, (_, c) => values[c * plane]!);
  const zeros = new Array<number>(channels * inChannels).fill(0);
  const weights = walk.constant(node, `${index}#weights`, [channels, inChannels, 1, 1], zeros);
  const bias = walk.constant(node, `${index}#bias`, [channels], biases);
  const output = `${node.outputs[0]}#constant${index}`;
  const shape: Shape = [1, channels, height, width];
  return walk.emit(node, "Conv", [base, weights, bias], shape, { kernel_shape: [1, 1] }, output);
}
