/** Functions of one value, and of two tensors or a tensor and a constant, where views may be anything. */
import { ConvertError } from "../errors.js";
import { describe, type Node } from "../graph.js";
import { strides } from "../onnx/constants.js";
import { BFLOAT16, DOUBLE, FLOAT, FLOAT16 } from "../onnx/read.js";
import { type Atom, isSameDim, plainView, sizeOf, type View } from "./view.js";
import type { Shape, Walk } from "./walk.js";

/** A function of one tensor, whose other inputs are numbers. */
export function unary(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const inputs = [view.base, ...node.inputs.slice(1)];
  walk.emit(node, node.type, inputs, walk.shapeOf(view.base), node.attributes);
  walk.set(node.outputs[0]!, { base: node.outputs[0]!, dims: view.dims });
}

/** The same tensor under another name. */
export function alias(walk: Walk, node: Node): void {
  walk.set(node.outputs[0]!, walk.view(node));
}

/** Nothing where numbers stay real, or are whole already. */
export function cast(walk: Walk, node: Node): void {
  const isReal = [FLOAT, FLOAT16, DOUBLE, BFLOAT16].includes(node.attributes.to as number);
  if (!isReal && !walk.whole.has(walk.view(node).base)) {
    throw new ConvertError(
      `${describe(node)}: rounding activations to whole numbers inside a network is not supported; leave them real`,
    );
  }
  alias(walk, node);
}

/** Every input but the first two in a chain of its own: Max, Min and Sum take any number. */
export function chain(walk: Walk, node: Node, type: string): void {
  if (node.inputs.length === 1) {
    alias(walk, node);
    return;
  }
  let before = node.inputs[0]!;
  node.inputs.slice(1).forEach((input, index) => {
    const isLast = index === node.inputs.length - 2;
    const output = isLast ? node.outputs[0]! : `${node.outputs[0]}#${index}`;
    binary(walk, { ...node, type, inputs: [before, input], outputs: [output], attributes: {} });
    before = output;
  });
}

/** A function of two inputs, of which one may be a constant. */
export function binary(walk: Walk, node: Node): void {
  const at = node.inputs.findIndex((input) => walk.constants.has(input));
  if (at >= 0) withConstant(walk, node, at);
  else withTensor(walk, node);
}

function withConstant(walk: Walk, node: Node, at: number): void {
  const constant = walk.constants.get(node.inputs[at]!)!;
  let view = walk.view(node, 1 - at);
  const rank = Math.max(constant.dims.length, view.dims.length);
  const dims = padded(view.dims, rank);
  const sizes = new Array<number>(rank - constant.dims.length).fill(1).concat(constant.dims);
  const values = Array.from(constant.values);
  const isOne = values.length > 0 && values.every((value) => value === values[0]);
  const wider = sizes.findIndex((size, i) => size > 1 && sizeOf(dims[i]!) === 1);
  view = { base: view.base, dims };
  if (wider >= 0) view = widened(walk, node, view, sizes);
  const shape = walk.shapeOf(view.base);
  const name = isOne
    ? walk.constant(node, "number", [], [values[0]!])
    : perChannel(walk, node, view, sizes, values);
  const inputs = at === 0 ? [name, view.base] : [view.base, name];
  walk.emit(node, node.type, inputs, shape, node.attributes);
  walk.set(node.outputs[0]!, { base: node.outputs[0]!, dims: view.dims });
}

/** The constant as [1, channels, 1, 1], for a view that it varies along the channels of. */
function perChannel(
  walk: Walk,
  node: Node,
  view: View,
  sizes: readonly number[],
  values: readonly number[],
): string {
  const [, channels] = walk.shapeOf(view.base);
  const steps = strides(sizes);
  const list = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    let offset = 0;
    view.dims.forEach((dim, i) => {
      if (sizes[i] === 1) return;
      if (dim.some(({ axis }) => axis !== 1)) {
        throw new ConvertError(
          `${describe(node)}: a constant of shape [${sizes}] that varies over pixels is not supported, only one ` +
            "number or one number a channel",
        );
      }
      const index = dim.reduce(
        (total, { size, stride }) => total * size + (Math.floor(c / stride) % size),
        0,
      );
      offset += index * steps[i]!;
    });
    list[c] = values[offset]!;
  }
  return walk.constant(node, "channels", [1, channels, 1, 1], list);
}

/** A view repeated along axes on which the constant is wider. */
function widened(walk: Walk, node: Node, view: View, sizes: readonly number[]): View {
  const base = walk.materialize(node, view, `${node.outputs[0]}#arranged`);
  const [, channels, height, width] = walk.shapeOf(base);
  const shape: Shape = [
    1,
    Math.max(channels, sizes[1]!),
    Math.max(height, sizes[2]!),
    Math.max(width, sizes[3]!),
  ];
  return plainView(expanded(walk, node, base, shape, `${node.outputs[0]}#wide`), shape);
}

/** A tensor repeated to a shape: channels by a convolution of ones, pixels by the nearest. */
export function expanded(walk: Walk, node: Node, base: string, shape: Shape, output: string): string {
  const [, channels, height, width] = walk.shapeOf(base);
  let result = base;
  if (channels !== shape[1]) {
    const isPoint = height === shape[2] && width === shape[3];
    const name = isPoint ? output : `${output}#channels`;
    result = walk.select(node, result, new Array<number>(shape[1]).fill(0), name).base;
  }
  if (height === shape[2] && width === shape[3]) return result;
  return walk.emit(node, "expand", [result], shape, {}, output).base;
}

function withTensor(walk: Walk, node: Node): void {
  const [a, b] = [walk.view(node, 0), walk.view(node, 1)];
  const rank = Math.max(a.dims.length, b.dims.length);
  let [left, right] = [padded(a.dims, rank), padded(b.dims, rank)];
  let [first, second] = [a.base, b.base];
  const fits = left.every((dim, i) => {
    const other = right[i]!;
    return dim.length === 0 || other.length === 0 || isSameDim(dim, other);
  });
  const isAligned = fits && isConsistent(walk, left, right, first, second);
  if (!isAligned) {
    first = walk.materialize(node, { base: first, dims: left }, `${node.outputs[0]}#first`);
    second = walk.materialize(node, { base: second, dims: right }, `${node.outputs[0]}#second`);
    left = [...plainView(first, walk.shapeOf(first)).dims];
    right = [...plainView(second, walk.shapeOf(second)).dims];
  }
  const [s, t] = [walk.shapeOf(first), walk.shapeOf(second)];
  const shape = s.map((size, i) => Math.max(size, t[i]!)) as unknown as Shape;
  walk.emit(node, node.type, [first, second], shape, node.attributes);
  const dims = left.map((dim, i) => (dim.length > 0 ? dim : right[i]!));
  walk.set(node.outputs[0]!, { base: node.outputs[0]!, dims });
}

/** Whether axes that one view lacks are of one element in its base too, so that the bases broadcast alike. */
function isConsistent(
  walk: Walk,
  left: readonly (readonly Atom[])[],
  right: readonly (readonly Atom[])[],
  first: string,
  second: string,
): boolean {
  const [s, t] = [walk.shapeOf(first), walk.shapeOf(second)];
  const held = (dims: readonly (readonly Atom[])[], axis: number): number => {
    let total = 1;
    for (const dim of dims) for (const atom of dim) if (atom.axis === axis) total *= atom.size;
    return total;
  };
  return [1, 2, 3].every((axis) => {
    const [x, y] = [held(left, axis), held(right, axis)];
    return x === s[axis] && y === t[axis] && (x === y || x === 1 || y === 1);
  });
}

function padded(dims: View["dims"], rank: number): (readonly Atom[])[] {
  return [...new Array<readonly Atom[]>(rank - dims.length).fill([]), ...dims];
}
