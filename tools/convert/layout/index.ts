/**
 * The first pass: every activation becomes a tensor of [1, channels, height, width]. Nodes that only move values go, or
 * become operations that move them where nothing else will do; products, norms and reductions become those of channels
 * and planes. Afterwards Conv, Resize, pooling and so on are as ONNX has them, on four axes.
 */
import { OVER_CHANNELS } from "../../../src/format.js";
import { ConvertError, checking } from "../errors.js";
import { FORMULAS, STEPS } from "../expression.js";
import { describe, type Graph, listOf, type Node, numberOf, type Problem } from "../graph.js";

import { resizeScales } from "../onnx/inputs.js";
import { isChannelsFirst } from "../onnx/load.js";
import { concat } from "./concat.js";
import { alias, binary, cast, chain, unary } from "./elementwise.js";
import { attention, conv, convTranspose, gemm, matMul } from "./products.js";
import {
  depthToSpace,
  expand,
  gather,
  pad,
  reshape,
  slice,
  spaceToDepth,
  split,
  transpose,
} from "./shaping.js";
import {
  COMPOSED,
  globalMaxPool,
  groupNorm,
  instanceNorm,
  layerNorm,
  meanVariance,
  reduce,
  reduceComposed,
} from "./statistics.js";
import { maxUnpool, scatter } from "./unpool.js";
import { type Atom, axisOf, isPlain, isSameDim, plainView, sizeOf, type View, wholeAxis } from "./view.js";
import { type Shape, Walk } from "./walk.js";

type Handler = (walk: Walk, node: Node) => void;
type Dim = readonly Atom[];

/** An operation on four axes, as it is. */
const planar: Handler = (walk, node) => {
  const output = node.outputs[0]!;
  const base = walk.materialize(node, walk.view(node), `${output}#arranged`);
  const shape = walk.fileShape(output) as unknown as Shape;
  walk.set(output, walk.emit(node, node.type, [base, ...node.inputs.slice(1)], shape, node.attributes));
};

/**
 * MaxPool; its indices are known by the tensor that was pooled. Over all channels, which a Reshape has laid out as a
 * window, it is their maximum.
 */
const maxPool: Handler = (walk, node) => {
  const view = walk.view(node);
  const shape = walk.shapeOf(view.base);
  const window = view.dims.slice(2).flat();
  const isChannels = window.length > 0 && window.every(({ axis }) => axis === 1);
  const isAll =
    sizeOf(window) === shape[1] && listOf(node, "kernel_shape", 2, 1).reduce((a, b) => a * b) === shape[1];
  if (isChannels && isAll) {
    const { base } = walk.emit(node, "reduceMax", [view.base], [1, 1, shape[2], shape[3]], {
      mode: OVER_CHANNELS,
    });
    walk.set(node.outputs[0]!, { base, dims: [view.dims[0]!, view.dims[1]!, [], []] });
    return;
  }
  planar(walk, node);
  if (node.outputs[1]) walk.set(node.outputs[1], walk.views.get(node.outputs[0]!)!);
};

/** Resize: its axes must be those of the base, or [1, height, width, channels]. */
const resize: Handler = (walk, node) => {
  const output = node.outputs[0]!;
  const given = walk.view(node);
  const wanted = walk.fileShape(output);
  if (isChannelsLast(given, walk.shapeOf(given.base))) {
    const turned = ([batch, height, width, channels]: readonly number[]): number[] =>
      [batch, channels, height, width] as number[];
    const scales = resizeScales(walk.graph, node, walk.fileShape(node.inputs[0]!));
    const [name, list] = scales ? ["scales", scales] : ["sizes", wanted];
    const constant = walk.constant(node, name, [4], turned(list));
    const inputs = [given.base, "", ...(scales ? [constant] : ["", constant])];
    const { axes: _, keep_aspect_ratio_policy: __, ...attributes } = node.attributes;
    const size = turned(wanted) as unknown as Shape;
    const { base } = walk.emit(node, "Resize", inputs, size, attributes);
    walk.set(output, {
      base,
      dims: [[], wholeAxis(2, size[2]), wholeAxis(3, size[3]), wholeAxis(1, size[1])],
    });
    return;
  }
  const base = walk.materialize(node, given, `${output}#arranged`);
  const like = walk.views.get(node.inputs[4] ?? "")?.base;
  const [, roi = "", scales = "", sizes = ""] = node.inputs;
  const inputs = like === undefined ? [base, roi, scales, sizes] : [base, roi, scales, sizes, like];
  walk.set(output, walk.emit(node, "Resize", inputs, wanted as unknown as Shape, node.attributes));
};

/** Whether a view is its base as [1, height, width, channels]. */
function isChannelsLast(view: View, shape: Shape): boolean {
  const { dims } = plainView(view.base, shape);
  const [batch, channels, height, width] = dims as [Dim, Dim, Dim, Dim];
  const isTurned =
    view.dims.length === 4 &&
    [batch, height, width, channels].every((dim, i) => isSameDim(dim, view.dims[i]!));
  return isTurned && !isPlain(view, shape);
}

/** Softmax, LogSoftmax: over the channels. */
const softmax: Handler = (walk, node) => {
  const given = walk.view(node);
  const rank = given.dims.length;
  const axis = (numberOf(node, "axis", -1) + rank) % rank;
  const view = walk.ordered(node, given, axis);
  const shape = walk.shapeOf(view.base);
  if (sizeOf(view.dims[axis]!) !== shape[1] || (shape[1] > 1 && axisOf(view.dims[axis]!, shape) !== 1)) {
    throw new ConvertError(`${describe(node)}: only over the channels`);
  }
  // of older operator sets it goes over all axes from its own on
  const isFlat = node.attributes.flattens === 1 && view.dims.slice(axis + 1).some((dim) => dim.length > 0);
  walk.emit(node, node.type, [view.base], shape, isFlat ? { flattens: 1 } : {});
  walk.set(node.outputs[0]!, { base: node.outputs[0]!, dims: view.dims });
};

/** ArgMax over the channels; its result counts as one channel. */
const argMax: Handler = (walk, node) => {
  const given = walk.view(node);
  const rank = given.dims.length;
  const axis = (numberOf(node, "axis", 0) + rank) % rank;
  const view = walk.ordered(node, given, axis);
  const [, , height, width] = walk.shapeOf(view.base);
  if (axisOf(view.dims[axis]!, walk.shapeOf(view.base)) !== 1) {
    throw new ConvertError(`${describe(node)}: only over the channels, not over axis ${axis}`);
  }
  walk.emit(node, "ArgMax", [view.base], [1, 1, height, width], { axis: 1 });
  const keep = numberOf(node, "keepdims", 1) !== 0;
  walk.whole.add(node.outputs[0]!);
  const dims = view.dims.flatMap((dim, i) => (i !== axis ? [dim] : keep ? [[]] : []));
  walk.set(node.outputs[0]!, { base: node.outputs[0]!, dims });
};

/** PRelu with a slope for each channel; with one number it is a function of one value. */
const prelu: Handler = (walk, node) => {
  binary(walk, node);
};

const variadic =
  (type: string): Handler =>
  (walk, node) =>
    chain(walk, node, type);

const HANDLERS: Readonly<Record<string, Handler>> = {
  Identity: alias,
  Dropout: alias,
  Cast: cast,
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Gather: gather,
  Concat: concat,
  Expand: expand,
  Tile: expand,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Pad: pad,
  Conv: conv,
  ConvTranspose: convTranspose,
  MatMul: matMul,
  Gemm: gemm,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceSum: reduce,
  ...Object.fromEntries(Object.keys(COMPOSED).map((type) => [type, reduceComposed])),
  GlobalAveragePool: planar,
  GlobalMaxPool: globalMaxPool,
  AveragePool: planar,
  MaxPool: maxPool,
  MaxUnpool: maxUnpool,
  ScatterND: scatter,
  BatchNormalization: planar,
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  LayerNormalization: layerNorm,
  MeanVarianceNormalization: meanVariance,
  Resize: resize,
  Softmax: softmax,
  LogSoftmax: softmax,
  ArgMax: argMax,
  PRelu: prelu,
  Max: variadic("Max"),
  Min: variadic("Min"),
  Sum: variadic("Add"),
  function: unary,
  Clip: unary,
};

function handlerOf(node: Node): Handler | undefined {
  if (Object.hasOwn(HANDLERS, node.type)) return HANDLERS[node.type];
  return Object.hasOwn(FORMULAS, node.type) || isTest(node) ? elementwise : undefined;
}

/** Brings every activation to [1, channels, height, width]. Nodes that cannot be are problems of the graph. */
export function layout(graph: Graph): Graph {
  const walk = new Walk(graph);
  const problems: Problem[] = [...(graph.problems ?? [])];
  /** Products behind a node that could not be converted: why a network never will be. */
  const causes: Problem[] = [];
  const inputShape = graph.shapes.get(graph.input)!;
  const isFirst = isChannelsFirst(inputShape);
  const [, a, b, c] = inputShape as [number, number, number, number];
  const shape: Shape = isFirst ? [1, a, b, c] : [1, c, a, b];
  walk.shapes.set(graph.input, shape);
  const plain = plainView(graph.input, shape);
  walk.views.set(
    graph.input,
    isFirst ? plain : { base: graph.input, dims: [[], wholeAxis(2, a), wholeAxis(3, b), wholeAxis(1, c)] },
  );
  for (const node of graph.nodes) {
    const isKnown = node.inputs.every(
      (name) => name === "" || walk.constants.has(name) || walk.views.has(name),
    );
    // what has no shape was a problem before
    if (!isKnown || !graph.shapes.has(node.outputs[0]!)) {
      if (isAttention(walk, node)) causes.push({ type: node.type, message: attention(node).message });
      continue;
    }
    const handler = handlerOf(node);
    try {
      if (!handler) throw new ConvertError(`${describe(node)}: not supported`);
      checking(describe(node), () => handler(walk, node));
    } catch (error) {
      if (!(error instanceof ConvertError)) throw error;
      problems.push({ type: node.type, message: error.message });
    }
  }
  const view = walk.views.get(graph.output);
  if (!view) return { ...walk.finish(graph.output, graph.input), problems: [...causes, ...problems] };
  return { ...walk.finish(view.base, graph.input), problems: [...causes, ...problems] };
}

/** Whether a node multiplies two activations. */
const isAttention = ({ constants }: Walk, { type, inputs }: Node): boolean =>
  type === "MatMul" && !inputs.some((name) => constants.has(name));

const isTest = ({ type }: Node): boolean => type === "Greater" || type === "GreaterOrEqual";

/** Shrink without a step. */
const isSoftShrink = (node: Node): boolean =>
  node.type === "Shrink" && numberOf(node, "bias", 0) === numberOf(node, "lambd", 0.5);

const elementwise: Handler = (walk, node) => {
  if (STEPS.has(node.type) && !isSoftShrink(node)) {
    throw new ConvertError(
      `${describe(node)}: a function with steps makes whole steps of rounding errors, which is not supported inside a ` +
        "network; export it without",
    );
  }
  const isBinary = node.inputs.filter((name) => name !== "").length === 2;
  if (isBinary) binary(walk, node);
  else unary(walk, node);
};
