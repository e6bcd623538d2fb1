/** Products with weights: Conv, ConvTranspose, MatMul, Gemm. */
import { CHANNEL_FASTER, PLACE_FASTER } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import { type Constant, describe, listOf, type Node, numberOf, stringOf } from "../graph.js";
import { hintOf } from "../onnx/hints.js";
import { transposedWindowOf } from "../onnx/window.js";
import { indicesOf, plainView, sizeOf, type View, wholeAxis } from "./view.js";
import type { Shape, Walk } from "./walk.js";

/** MatMul of an activation and a constant: a 1x1 convolution over the axis that runs over all channels. */
export function matMul(walk: Walk, node: Node): void {
  const at = node.inputs.findIndex((input) => walk.constants.has(input));
  if (at < 0) throw attention(node);
  const constant = walk.constants.get(node.inputs[at]!)!;
  const view = walk.view(node, 1 - at);
  const [rows, columns] = constant.dims.slice(-2) as [number, number];
  if (constant.values.length !== rows * columns) {
    throw new ConvertError(`${describe(node)}: constants of more than two axes are not supported`);
  }
  const isLeft = at === 0;
  const outputs = isLeft ? rows : columns;
  const axis = view.dims.length - (isLeft ? 2 : 1);
  const weight = (o: number, i: number): number =>
    constant.values[isLeft ? o * columns + i : i * columns + o]!;
  product(walk, node, view, axis, outputs, weight, undefined, constant);
}

/** What is said of a product of two activations. */
export function attention(node: Node): ConvertError {
  return new ConvertError(`${describe(node)}: a product of two activations${hintOf("Attention")}`);
}

/** Gemm of a flattened activation and constants. */
export function gemm(walk: Walk, node: Node): void {
  const constant = walk.constants.get(node.inputs[1]!);
  if (!constant || numberOf(node, "transA", 0) !== 0) {
    throw new ConvertError(
      `${describe(node)}: its second input must be a constant, its first not transposed`,
    );
  }
  const [rows, columns] = constant.dims as [number, number];
  const isTransposed = numberOf(node, "transB", 0) !== 0;
  const outputs = isTransposed ? rows : columns;
  const alpha = numberOf(node, "alpha", 1);
  const beta = numberOf(node, "beta", 1);
  const weight = (o: number, i: number): number =>
    alpha * constant.values[isTransposed ? o * columns + i : i * columns + o]!;
  const third = node.inputs[2] ? walk.constants.get(node.inputs[2]) : undefined;
  if (node.inputs[2] && !third)
    throw new ConvertError(`${describe(node)}: its third input must be a constant`);
  if (third && third.values.length > 1 && third.values.length !== (third.dims.at(-1) ?? 1)) {
    throw new ConvertError(`${describe(node)}: a third input of shape [${third.dims}] is not supported`);
  }
  const bias =
    third && Array.from({ length: outputs }, (_, o) => beta * third.values[o % third.values.length]!);
  product(walk, node, walk.view(node), 1, outputs, weight, bias, constant);
}

/** Sums over one axis of a view, which must run over all channels. */
function product(
  walk: Walk,
  node: Node,
  view: View,
  axis: number,
  outputs: number,
  weight: (o: number, i: number) => number,
  bias: readonly number[] | undefined,
  constant: Constant,
): void {
  const [, channels, height, width] = walk.shapeOf(view.base);
  const dim = view.dims[axis]!;
  const isChannels = dim.every((atom) => atom.axis === 1) && sizeOf(dim) === channels;
  const isPlane = !isChannels && sizeOf(dim) === channels * height * width;
  if (constant.hasZeroPoint)
    throw new ConvertError(`${describe(node)}: its weights must have the zero point 0`);
  if (!isChannels && !isPlane) {
    throw new ConvertError(`${describe(node)}: only sums over all channels are supported`);
  }
  const [rows, columns] = isPlane ? [height, width] : [1, 1];
  const values = new Float64Array(outputs * channels * rows * columns);
  const places = isPlane ? planePlaces(view, axis, height, width) : indicesOf(dim);
  places.forEach((place, i) => {
    for (let o = 0; o < outputs; o++) values[o * places.length + place] = weight(o, i);
  });
  const names = [walk.constant(node, "weights", [outputs, channels, rows, columns], values)];
  if (bias) names.push(walk.constant(node, "bias", [outputs], bias));
  const shape: Shape = [1, outputs, height / rows, width / columns];
  const made = walk.emit(node, "Conv", [view.base, ...names], shape, { kernel_shape: [rows, columns] });
  const dims = view.dims.map((old, i) => (i === axis ? wholeAxis(1, outputs) : isPlane ? [] : old));
  walk.set(node.outputs[0]!, { base: made.base, dims });
}

/** Where each element of a flattened plane lies in weights of [channels, height, width]. */
function planePlaces(view: View, axis: number, height: number, width: number): number[] {
  const steps = [0, height * width, width, 1];
  return view.dims[axis]!.reduce<number[]>(
    (list, atom) =>
      list.flatMap((at) =>
        Array.from({ length: atom.size }, (_, i) => at + i * atom.stride * steps[atom.axis]!),
      ),
    [0],
  );
}

/** Conv, on a tensor of [1, channels, height, width]. */
export function conv(walk: Walk, node: Node): void {
  const output = node.outputs[0]!;
  if (walk.view(node).dims.length === 3) {
    alongChannels(walk, node);
    return;
  }
  const base = walk.materialize(node, walk.view(node), `${output}#arranged`);
  const shape = walk.fileShape(output) as unknown as Shape;
  walk.set(output, walk.emit(node, "Conv", [base, ...node.inputs.slice(1)], shape, node.attributes));
}

/** Conv of one filter along [1, 1, channels], which gives as many: a product with a matrix that holds it on its diagonals. */
function alongChannels(walk: Walk, node: Node): void {
  const view = walk.view(node);
  const channels = sizeOf(view.dims[2]!);
  const constant = walk.constants.get(node.inputs[1]!);
  const biases = node.inputs[2] ? walk.constants.get(node.inputs[2]) : undefined;
  if (!constant || (node.inputs[2] && !biases))
    throw new ConvertError(`${describe(node)}: its weights must be constants`);
  const [dilation, stride] = [listOf(node, "dilations", 1, 1)[0]!, listOf(node, "strides", 1, 1)[0]!];
  const [before, after] = listOf(node, "pads", 2, 0) as [number, number];
  const taps = constant.values.length;
  if (
    stride !== 1 ||
    before + after !== dilation * (taps - 1) ||
    stringOf(node, "auto_pad", "NOTSET") !== "NOTSET"
  )
    throw new ConvertError(
      `${describe(node)}: along the channels it must give as many; pad it so, without strides`,
    );
  const weight = (o: number, i: number): number => {
    const tap = (i - o + before) / dilation;
    return (Number.isInteger(tap) && constant.values[tap]) || 0;
  };
  const bias = biases && Array.from({ length: channels }, () => biases.values[0]!);
  product(walk, node, view, 2, channels, weight, bias, constant);
}

/**
 * ConvTranspose as a convolution that gives all pixels of a block of the strides' size as channels, and these laid out as
 * pixels, cropped to what is left of the full output.
 */
export function convTranspose(walk: Walk, node: Node): void {
  const output = node.outputs[0]!;
  const base = walk.materialize(node, walk.view(node), `${output}#arranged`);
  const constant = walk.constants.get(node.inputs[1]!);
  if (!constant) throw new ConvertError(`${describe(node)}: its weights must be constants`);
  if (constant.hasZeroPoint)
    throw new ConvertError(`${describe(node)}: its weights must have the zero point 0`);
  const biases = node.inputs[2] ? walk.constants.get(node.inputs[2]) : undefined;
  if (node.inputs[2] && !biases) throw new ConvertError(`${describe(node)}: its bias must be a constant`);
  const [inputs, perGroup, ...kernel] = constant.dims as [number, number, number, number];
  const group = numberOf(node, "group", 1);
  const shape = walk.shapeOf(base);
  const { strides, dilations, crops, size } = transposedWindowOf(node, shape, kernel);
  // along an axis, output position stride * i + dilation * t takes input i by tap t
  const axes = [0, 1].map((axis) => {
    const stride = strides[axis]!;
    const reach = dilations[axis]! * (kernel[axis]! - 1);
    const before = Math.floor(reach / stride);
    const needed = size[axis]! + crops[axis]!;
    const blocks = Math.max(shape[2 + axis]!, Math.ceil(needed / stride));
    const skipped = Math.max(0, Math.floor(crops[axis]! / stride));
    return {
      stride,
      before,
      taps: before + 1,
      blocks: blocks - skipped,
      skipped,
      first: crops[axis]! - skipped * stride,
    };
  }) as [AxisPlan, AxisPlan];
  const [down, across] = axes;
  const block = down.stride * across.stride;
  const channels = perGroup * group;
  const outputs = channels * block;
  const taps = down.taps * across.taps;
  const mode = group === 1 ? CHANNEL_FASTER : PLACE_FASTER;
  const values = new Float64Array(outputs * (inputs / group) * taps);
  const channelOf = (c: number, place: number): number =>
    mode === CHANNEL_FASTER ? place * channels + c : c * block + place;
  for (let i = 0; i < inputs; i++) {
    const first = Math.floor(i / (inputs / group)) * perGroup;
    for (let c = 0; c < perGroup; c++) {
      for (let ty = 0; ty < kernel[0]!; ty++) {
        for (let tx = 0; tx < kernel[1]!; tx++) {
          const [y, x] = [dilations[0]! * ty, dilations[1]! * tx];
          const place = (y % down.stride) * across.stride + (x % across.stride);
          const row = down.before - Math.floor(y / down.stride);
          const column = across.before - Math.floor(x / across.stride);
          const o = channelOf(first + c, place);
          const at =
            ((o * (inputs / group) + (i % (inputs / group))) * down.taps + row) * across.taps + column;
          values[at] = constant.values[((i * perGroup + c) * kernel[0]! + ty) * kernel[1]! + tx]!;
        }
      }
    }
  }
  const names = [walk.constant(node, "weights", [outputs, inputs / group, down.taps, across.taps], values)];
  if (biases) {
    const list = new Float64Array(outputs);
    for (let c = 0; c < channels; c++) {
      for (let place = 0; place < block; place++) list[channelOf(c, place)] = biases.values[c]!;
    }
    names.push(walk.constant(node, "bias", [outputs], list));
  }
  const ends = axes.map(
    ({ blocks, skipped, before }, i) => blocks + skipped - shape[2 + i]! + before - before,
  );
  const sides = axes.map(({ before, skipped }) => before - skipped);
  const pads = [...sides, ...ends].map((side) => Math.max(0, side));
  let from = base;
  const crop = [...sides, ...ends].map((side) => Math.max(0, -side));
  if (crop.some((side) => side > 0)) {
    from = walk.depthToSpace(node, base, [1, 1], CHANNEL_FASTER, crop, `${output}#inner`).base;
  }
  const rest = [
    down.first,
    across.first,
    down.blocks * down.stride - down.first - size[0]!,
    across.blocks * across.stride - across.first - size[1]!,
  ];
  const isWhole = block === 1 && rest.every((side) => side === 0);
  const made = walk.emit(
    node,
    "Conv",
    [from, ...names],
    [1, outputs, down.blocks, across.blocks],
    { kernel_shape: [down.taps, across.taps], pads, group },
    isWhole ? output : `${output}#blocks`,
  );
  if (isWhole) {
    walk.set(output, made);
    return;
  }
  const known = walk.quantization.get(output);
  if (known) walk.quantization.set(made.base, known);
  walk.measures.set(made.base, { tensor: output, factors: [1], offsets: [0] });
  const laid = walk.depthToSpace(node, made.base, [down.stride, across.stride], mode, rest, output);
  walk.set(output, plainView(laid.base, walk.shapeOf(laid.base)));
}

interface AxisPlan {
  readonly stride: number;
  /** Input pixels before its own that a block takes, and all that it takes. */
  readonly before: number;
  readonly taps: number;
  /** Blocks that are computed, after those that are cropped as a whole. */
  readonly blocks: number;
  readonly skipped: number;
  /** Rows or columns cropped of the first block. */
  readonly first: number;
}
