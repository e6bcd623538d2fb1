/** Scale, zero point and range of every activation: from the file where it says so, else from measured ranges. */
import { ACTIVATION_ENTRIES, NEAREST, WIDE_MAX, WIDE_MIN } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import { type Graph, type Node, producers, readers } from "../graph.js";
import { type Bounds, type Quantization, quantize } from "./numbers.js";

/** The quantisation of the input image: real = colour / 255, q = colour - 128. */
export const INPUT_QUANTIZATION: Quantization = {
  scale: Math.fround(1 / 255),
  zero: -128,
  min: -128,
  max: 127,
};

/** Steps of wide logits, and how far beyond the measured range they reach, in parts of it, since there are plenty. */
export const WIDE_LEVELS = WIDE_MAX - WIDE_MIN;
const WIDE_MARGIN = 1 / 4;

/** Steps of the sums that the table of an activation takes. */
const ACTIVATION_LEVELS = ACTIVATION_ENTRIES - 1;

const SMALLEST_SCALE = 2 ** -29;
const LARGEST_SCALE = 2 ** 30;

/** @throws ConvertError if a tensor's scale is too large for the format */
export function expectScale(tensor: string, scale: number): void {
  if (!(scale <= LARGEST_SCALE)) {
    throw new ConvertError(`tensor "${tensor}": its values are too large (scale ${scale})`);
  }
}

/**
 * The quantisation of every tensor of a lowered graph.
 *
 * @param rangeOf the real range of a tensor to `levels` steps, undefined where it was not measured
 * @param bits 7: activations in 0..127, but for those that no arithmetic reads; 8: in -128..127. In both cases sums that a
 *   function follows have 10 bits
 * @param logitBits 13: wide logits, where a convolution gives them
 * @throws ConvertError if a tensor has neither a quantisation in the file nor a range
 */
export function assign(
  graph: Graph,
  rangeOf: (tensor: string, levels: number) => Bounds | undefined,
  bits: 7 | 8,
  logitBits: 8 | 13 = 13,
): Map<string, Quantization> {
  const producer = producers(graph);
  const groups = groupOf(graph);
  const free = eightBitTensors(graph);
  const wide = logitBits === 13 ? wideLogits(graph) : undefined;
  const activations = activationsOf(graph);
  const known = new Map(graph.quantization);
  if (isInputQuantization(known.get(graph.input))) known.set(graph.input, INPUT_QUANTIZATION);

  const shared = new Map<string, Quantization>();
  for (const [tensor, quantization] of known) {
    const group = groups(tensor);
    if (!shared.has(group)) shared.set(group, quantization);
  }
  const tensors = [graph.input, ...graph.nodes.flatMap((node) => node.outputs[0]!)];
  const members = new Map<string, string[]>();
  for (const tensor of tensors) members.set(groups(tensor), [...(members.get(groups(tensor)) ?? []), tensor]);
  for (const [group, list] of members) {
    if (shared.has(group)) continue;
    const isFree = list.every((tensor) => free.has(tensor));
    if (activations.has(list[0]!)) {
      const range = rangeOf(list[0]!, ACTIVATION_LEVELS);
      if (range) shared.set(group, sumsFor(range));
      continue;
    }
    const levels = list[0] === wide ? WIDE_LEVELS : bits === 7 && !isFree ? 127 : 255;
    const range = union(list.map((tensor) => rangeOf(tensor, levels)));
    if (range) shared.set(group, quantizationFor(range, levels));
  }
  const result = new Map<string, Quantization>();
  for (const tensor of tensors) {
    const own = known.get(tensor);
    const base = own ?? shared.get(groups(tensor));
    if (!base)
      throw new ConvertError(`tensor "${tensor}" is not quantised in the file, and has no measured range`);
    expectScale(tensor, base.scale);
    const node = producer.get(tensor);
    result.set(tensor, narrowed(own ? base : inherited(base, node, result), node));
  }
  return result;
}

function isInputQuantization(known: Quantization | undefined): boolean {
  if (!known) return true;
  const isSameScale = Math.abs(known.scale / INPUT_QUANTIZATION.scale - 1) < 1e-6;
  return isSameScale && known.zero === -128 && known.min === -128 && known.max === 127;
}

/** A pooled or padded tensor can hold what its input can; another member of a group may be narrower. */
function inherited(
  base: Quantization,
  node: Node | undefined,
  done: ReadonlyMap<string, Quantization>,
): Quantization {
  const before = node && done.get(node.inputs[0] ?? "");
  if (!before || before.scale !== base.scale || before.zero !== base.zero) return base;
  if (!SAME_SCALE.has(node.type)) return base;
  if (node.type !== "pad" && node.type !== "maxUnpool") return before;
  const outside = node.type === "pad" ? (node.attributes.value as number) : 0;
  const value = quantize(outside, { ...base, min: -128, max: 127 });
  return { ...before, min: Math.min(before.min, value), max: Math.max(before.max, value) };
}

function narrowed(base: Quantization, node: Node | undefined): Quantization {
  if (!node?.clamp) return base;
  return { ...base, min: quantize(node.clamp.min, base), max: quantize(node.clamp.max, base) };
}

function union(ranges: readonly (Bounds | undefined)[]): Bounds | undefined {
  const known = ranges.filter((range) => range !== undefined);
  if (known.length === 0) return undefined;
  return { min: Math.min(...known.map(({ min }) => min)), max: Math.max(...known.map(({ max }) => max)) };
}

/** The finest quantisation of `levels` steps that holds a range and 0; of wide logits with a margin around them. */
export function quantizationFor({ min, max }: Bounds, levels: number): Quantization {
  const isWide = levels === WIDE_LEVELS;
  const margin = isWide ? WIDE_MARGIN * (max - min) : 0;
  const [low, high] = [Math.min(0, min - margin), Math.max(0, max + margin)];
  const scale = Math.fround(Math.max((high - low) / levels, SMALLEST_SCALE));
  const first = isWide ? WIDE_MIN : levels === 127 ? 0 : -128;
  const zero = first + Math.min(levels, Math.max(0, Math.round(-low / scale)));
  return { scale, zero, min: first, max: first + levels };
}

/** The quantisation of sums that a table takes: around 0, as far as the range reaches. */
function sumsFor({ min, max }: Bounds): Quantization {
  const half = ACTIVATION_ENTRIES / 2;
  const scale = Math.fround(Math.max(-min / half, max / (half - 1), SMALLEST_SCALE));
  return { scale, zero: 0, min: -half, max: half - 1 };
}

/**
 * The functions that convolutions compute besides, by the name of the convolution's output: those that alone read what a
 * convolution gives. A file that quantises what lies between has its rounding kept.
 */
export function activationsOf(graph: Graph): Map<string, Node> {
  const read = readers(graph);
  const result = new Map<string, Node>();
  for (const { type, outputs } of graph.nodes) {
    const [only, ...others] = read.get(outputs[0]!) ?? [];
    if (type !== "conv" || graph.quantization.has(outputs[0]!)) continue;
    if (only?.type === "function" && others.length === 0) result.set(outputs[0]!, only);
  }
  return result;
}

/** The logits, if a convolution gives them that is not depthwise and nothing but the final argmax reads them. */
function wideLogits(graph: Graph): string | undefined {
  const { output, shapes } = graph;
  const node = producers(graph).get(output);
  const isDepthwise = node?.attributes.group === shapes.get(output)![1];
  const isRead = readers(graph)
    .get(output)
    ?.some((reader) => reader !== undefined);
  return node?.type === "conv" && !isDepthwise && !isRead ? output : undefined;
}

/** Operations whose output holds numbers of their first input. */
const SAME_SCALE = new Set(["maxPool", "pad", "depthToSpace", "reduceMax", "maxUnpool"]);

/** Tensors that must share, or do well to share, scale and zero point, by the name of their group. */
function groupOf(graph: Graph): (tensor: string) => string {
  const parent = new Map<string, string>();
  const root = (tensor: string): string => {
    const up = parent.get(tensor);
    return up === undefined ? tensor : root(up);
  };
  for (const node of graph.nodes) {
    const isNearest = node.type === "resize" && node.attributes.mode === NEAREST && !node.clamp;
    if (!SAME_SCALE.has(node.type) && !isNearest) continue;
    const [a, b] = [root(node.inputs[0]!), root(node.outputs[0]!)];
    if (a !== b) parent.set(b, a);
  }
  return root;
}

/** Tensors that only tables and the final argmax read: their full 8 bits cost nothing. */
function eightBitTensors(graph: Graph): Set<string> {
  const result = new Set<string>();
  for (const [tensor, nodes] of readers(graph)) {
    const isFree = nodes.every((node) => {
      if (!node || node.type === "function") return true;
      return node.type === "gate" && node.inputs[1] === tensor && node.inputs[0] !== tensor;
    });
    if (isFree) result.add(tensor);
  }
  return result;
}
