/** Ranges of tensors: as measured, else bounds that follow from the tensors they were made of. */

import { computeAll } from "../expression.js";
import { type Graph, type Node, producers, readers } from "../graph.js";
import { WIDE_LEVELS } from "./assign.js";
import { type Bounds, dequantize } from "./numbers.js";
import type { Histogram, Method } from "./ranges.js";

const SAMPLES = 1025;
/** Deviations from the mean that a normalised tensor is taken to hold, where nothing is known of it. */
const NORMAL = 6;

/**
 * The range of each tensor of a lowered graph: by a method from its histogram, or derived where there is none
 * (a pass has added the tensor, or a file quantises its neighbours only). Undefined where it cannot be derived.
 */
export function rangesOf(
  graph: Graph,
  histograms: ReadonlyMap<string, Histogram>,
  method: Method,
): (tensor: string, levels: number) => Bounds | undefined {
  const producer = producers(graph);
  const read = readers(graph);
  // A tensor is reached once for each path that leads to it, and residual blocks double the paths.
  const found = new Map<string, Bounds | undefined>();
  return rangeOf;

  function rangeOf(tensor: string, levels: number): Bounds | undefined {
    const key = `${levels} ${tensor}`;
    if (!found.has(key)) found.set(key, search(tensor, levels));
    return found.get(key);
  }

  function search(tensor: string, levels: number): Bounds | undefined {
    const measured = histograms.get(tensor);
    if (measured && levels === WIDE_LEVELS) return measured.range("min-max", levels);
    if (measured) return refined(measured, measured.range(method, levels), levels, read.get(tensor) ?? []);
    const given = graph.quantization.get(tensor);
    if (given) return { min: dequantize(given.min, given), max: dequantize(given.max, given) };
    if (tensor === graph.input) return { min: 0, max: 1 };
    const node = producer.get(tensor);
    if (!node) return undefined;
    const inputs = node.inputs.filter((input) => !graph.constants.has(input));
    const ranges = inputs.map((input) => rangeOf(input, levels)).filter((range) => range !== undefined);
    const range = ranges.length === inputs.length ? derived(graph, node, ranges) : undefined;
    return range && clamped(range, node.clamp);
  }
}

/** By histogram: results, since the same ones are asked for once for each way that is tried. */
const refinements = new WeakMap<Histogram, Map<string, Bounds>>();

/** The range of a tensor; of one that only functions read, what counts is their values. */
function refined(
  histogram: Histogram,
  range: Bounds,
  levels: number,
  nodes: readonly (Node | undefined)[],
): Bounds {
  const functions = nodes.flatMap((node) => (node?.type === "function" ? [node.expression!] : []));
  if (functions.length === 0 || functions.length < nodes.length) return range;
  const known = refinements.get(histogram) ?? new Map<string, Bounds>();
  refinements.set(histogram, known);
  const key = `${levels} ${range.min} ${range.max}`;
  let result = known.get(key);
  if (!result) {
    const centers = histogram.centers();
    const sampled = functions.map((expression) => computeAll(expression, centers));
    const isKnown = sampled.every((list) => list.every(Number.isFinite));
    result = isKnown ? histogram.throughFunctions(range, levels, sampled) : range;
    known.set(key, result);
  }
  return result;
}

function derived(graph: Graph, node: Node, ranges: readonly Bounds[]): Bounds | undefined {
  const [first, second] = ranges as [Bounds, Bounds];
  switch (node.type) {
    case "function":
      return rangeThrough(node, first);
    case "gate":
      return product(first, rangeThrough(node, second));
    case "multiply":
      return product(first, second);
    case "prelu": {
      const slopes = Array.from(graph.constants.get(node.inputs[1]!)!.values);
      const least = slopes.map((slope) => slope * first.min);
      return { min: Math.min(0, first.min, ...least), max: Math.max(first.max, ...least) };
    }
    case "groupNorm":
      return { min: -NORMAL, max: NORMAL };
    case "add":
      return { min: first.min + second.min, max: first.max + second.max };
    case "pad":
      return union([first, { min: node.attributes.value as number, max: node.attributes.value as number }]);
    case "conv":
      if (node.attributes.selects === 1) return first;
      // a sum of many is never as large as it could be
      return isSmall(graph, node) ? throughWeights(graph, node, first) : undefined;
    default:
      return union(ranges);
  }
}

function isSmall(graph: Graph, node: Node): boolean {
  const { dims, values } = graph.constants.get(node.inputs[1]!)!;
  return values.length <= 2 * dims[0]! || values.every((value) => value === 0);
}

/** What sums of products can reach at most; of a convolution of ones that repeats its one channel, that channel's range. */
function throughWeights(graph: Graph, node: Node, { min, max }: Bounds): Bounds {
  const { dims, values } = graph.constants.get(node.inputs[1]!)!;
  const bias = graph.constants.get(node.inputs[2] ?? "")?.values;
  const each = values.length / dims[0]!;
  const bounds = Array.from({ length: dims[0]! }, (_, o): Bounds => {
    let [low, high] = [bias?.[o] ?? 0, bias?.[o] ?? 0];
    for (const weight of values.subarray(o * each, (o + 1) * each)) {
      low += Math.min(weight * min, weight * max);
      high += Math.max(weight * min, weight * max);
    }
    return { min: low, max: high };
  });
  return union(bounds);
}

function rangeThrough(node: Node, { min, max }: Bounds): Bounds {
  const inputs = Array.from({ length: SAMPLES }, (_, i) => min + ((max - min) * i) / (SAMPLES - 1));
  const values = computeAll(node.expression!, inputs).filter(Number.isFinite);
  return { min: Math.min(...values), max: Math.max(...values) };
}

function product(a: Bounds, b: Bounds): Bounds {
  const ends = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
  return { min: Math.min(...ends), max: Math.max(...ends) };
}

function union(ranges: readonly Bounds[]): Bounds {
  return { min: Math.min(...ranges.map(({ min }) => min)), max: Math.max(...ranges.map(({ max }) => max)) };
}

function clamped({ min, max }: Bounds, clamp: Bounds | undefined): Bounds {
  if (!clamp) return { min, max };
  const within = (value: number): number => Math.min(Math.max(value, clamp.min), clamp.max);
  return { min: within(min), max: within(max) };
}
