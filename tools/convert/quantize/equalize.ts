/**
 * Equalization of channels: an activation has one scale, and channels much smaller than the largest get few of its
 * steps. Between convolutions a channel may be multiplied by any positive factor, if the weights that make it
 * are too and those that read it are divided by it (Nagel et al., Data-free quantization, 2019, section 4.1).
 */
import { type Constant, type Graph, type Node, readers } from "../graph.js";
import { FLOAT } from "../onnx/read.js";

/** Largest factor, so that a channel that is nearly always 0 does not take all of the range. */
const MOST = 64;

/** Operations that give scaled channels where they read scaled ones, by the inputs whose channels count. */
const PASSING: Readonly<Record<string, readonly number[]>> = {
  add: [0, 1],
  averagePool: [0],
  gate: [0],
  globalAveragePool: [0],
  maxPool: [0],
  prelu: [0],
  resize: [0],
};

/** Inputs of a node whose scaled channels go through it; undefined where they do not. */
function passed(node: Node): readonly number[] | undefined {
  const { expression } = node;
  if (node.type !== "function") return PASSING[node.type];
  const isHomogeneous =
    expression?.kind === "call" && expression.args[0]?.kind === "input" && HOMOGENEOUS.has(expression.name);
  return isHomogeneous ? [0] : undefined;
}

/** Functions with f(s x) = s f(x) for s > 0. */
const HOMOGENEOUS = new Set(["Abs", "LeakyRelu", "Neg", "Relu"]);

/**
 * Tensors whose channels may be scaled, those in one list that must be scaled alike: made by convolutions, or from such
 * tensors by what leaves the scales of channels as they are, with at most a clamp at 0, and read in the end by
 * convolutions only.
 */
export function scalableGroups(graph: Graph): string[][] {
  const isFloat = (node: Node): boolean => graph.constants.get(node.inputs[1]!)?.quantized === undefined;
  const parent = new Map<string, string>();
  const root = (tensor: string): string => {
    let result = tensor;
    for (let up = parent.get(result); up !== undefined; up = parent.get(result)) result = up;
    return result;
  };
  const fixed = [graph.input, graph.output, ...graph.quantization.keys()];
  for (const node of graph.nodes) {
    const output = node.outputs[0]!;
    const { min = -Infinity, max = Infinity } = node.clamp ?? {};
    const passing = passed(node);
    if (max !== Infinity || (min !== -Infinity && min !== 0)) fixed.push(output);
    if (passing) {
      for (const index of passing) {
        const [a, b] = [root(node.inputs[index]!), root(output)];
        if (a !== b) parent.set(b, a);
      }
    } else if (node.type !== "conv" || !isFloat(node)) fixed.push(output);
    node.inputs.forEach((input, index) => {
      const isRead = node.type === "conv" ? index > 0 || isFloat(node) : passing?.includes(index);
      const isSize = node.type === "resize" && index === 1;
      if (!isRead && !isSize) fixed.push(input);
    });
  }
  const refused = new Set(fixed.map(root));
  const groups = new Map<string, string[]>();
  for (const { outputs } of graph.nodes) {
    const group = root(outputs[0]!);
    if (!refused.has(group)) groups.set(group, [...(groups.get(group) ?? []), outputs[0]!]);
  }
  return [...groups.values()];
}

/** How channels are brought to like sizes. */
export const EQUALIZATIONS = ["none", "roots", "balanced"] as const;
export type Equalization = (typeof EQUALIZATIONS)[number];

/**
 * Factors for the channels of scalable tensors.
 *
 * Roots: all at least 1, the square root of what would make a channel as large as the largest one. Balanced: what makes
 * a channel as large, of the largest one, as the weights that read it are of the largest ones; weights of depthwise
 * convolutions have a scale a channel, so where only these read, channels become all alike.
 *
 * @param largest absolute value of each channel of scalable tensors, where they were measured
 */
export function channelFactors(
  graph: Graph,
  largest: ReadonlyMap<string, readonly number[]>,
  way: Exclude<Equalization, "none">,
): Map<string, Float64Array> {
  const result = new Map<string, Float64Array>();
  const read = readers(graph);
  for (const group of scalableGroups(graph)) {
    const sizes = relative(group.map((tensor) => largest.get(tensor)).filter((list) => list !== undefined));
    if (!sizes) continue;
    const nodes = group.flatMap((tensor) => read.get(tensor)!).filter((node) => node?.type === "conv");
    const weights = way === "balanced" ? weightsOf(graph, nodes, sizes.length) : undefined;
    const factors = sizes.map((size, c) => {
      const factor = way === "balanced" && !weights ? 1 / size : Math.sqrt((weights?.[c] ?? 1) / size);
      return Math.min(factor, MOST);
    });
    for (const tensor of group) result.set(tensor, factors);
  }
  return result;
}

/** Sizes of channels relative to the largest of their tensor, the largest of some tensors; undefined where all are 0. */
function relative(tensors: readonly (readonly number[])[]): Float64Array | undefined {
  const known = tensors.filter((values) => Math.max(...values) > 0);
  if (known.length === 0) return undefined;
  const result = new Float64Array(known[0]!.length);
  for (const values of known) {
    const most = Math.max(...values);
    values.forEach((value, c) => {
      result[c] = Math.max(result[c]!, value / most);
    });
  }
  return result;
}

/** Of the weights that read each channel the largest, relative to the largest of its reader; undefined for depthwise readers. */
function weightsOf(
  { constants }: Graph,
  nodes: readonly (Node | undefined)[],
  channels: number,
): Float64Array | undefined {
  const result = new Float64Array(channels);
  let isDepthwise = true;
  for (const node of nodes) {
    const { dims, values } = constants.get(node!.inputs[1]!)!;
    const group = node!.attributes.group as number;
    const [outputs, perGroup, height, width] = dims as [number, number, number, number];
    if (perGroup > 1 || group === 1) isDepthwise = false;
    const own = new Float64Array(channels);
    values.forEach((value, at) => {
      const o = Math.floor(at / (perGroup * height * width));
      const i = (Math.floor(at / (height * width)) % perGroup) + Math.floor((o * group) / outputs) * perGroup;
      own[i] = Math.max(own[i]!, Math.abs(value));
    });
    const most = Math.max(...own);
    own.forEach((value, c) => {
      result[c] = Math.max(result[c]!, value / most);
    });
  }
  return isDepthwise ? undefined : result.map((value) => Math.max(value, 1e-3));
}

/** The graph with the channels of tensors multiplied by factors. Their names end in "#equalized". */
export function equalize(graph: Graph, factors: ReadonlyMap<string, Float64Array>): Graph {
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  const renamed = (tensor: string): string => (factors.has(tensor) ? scaledName(tensor) : tensor);
  for (const tensor of factors.keys()) shapes.set(scaledName(tensor), shapes.get(tensor)!);
  const nodes = graph.nodes.map((node): Node => {
    const [input, weightName, biasName] = node.inputs as [string, string, string | undefined];
    const output = node.outputs[0]!;
    const [before, after] = [factors.get(input), factors.get(output)];
    const outputs = node.outputs.map(renamed);
    if (node.type !== "conv") return { ...node, inputs: node.inputs.map(renamed), outputs };
    if (!before && !after) return node;
    const names = [`${output}#equalized weights`, `${output}#equalized bias`] as const;
    const group = node.attributes.group as number;
    constants.set(names[0], scaledWeights(constants.get(weightName)!, group, before, after));
    const bias = biasName ? constants.get(biasName)! : undefined;
    if (bias) {
      const values = Float64Array.from(bias.values, (value, o) => value * (after?.[o] ?? 1));
      constants.set(names[1], { dims: bias.dims, type: FLOAT, values });
    }
    return { ...node, inputs: [renamed(input), names[0], ...(bias ? [names[1]] : [])], outputs };
  });
  return { ...graph, nodes, constants, shapes };
}

/** The name of a tensor once its channels are scaled. */
export function scaledName(tensor: string): string {
  return `${tensor}#equalized`;
}

/** Weights [out][in / groups][height][width], multiplied by factors of outputs and divided by those of inputs. */
function scaledWeights(
  { dims, values }: Constant,
  group: number,
  before: Float64Array | undefined,
  after: Float64Array | undefined,
): Constant {
  const [outputs, perGroup, height, width] = dims as [number, number, number, number];
  const scaled = Float64Array.from(values, (value, at) => {
    const o = Math.floor(at / (perGroup * height * width));
    const i = (Math.floor(at / (height * width)) % perGroup) + Math.floor((o * group) / outputs) * perGroup;
    return (value * (after?.[o] ?? 1)) / (before?.[i] ?? 1);
  });
  return { dims, type: FLOAT, values: scaled };
}
