/**
 * Equalization of channels: an activation has one scale, and channels much smaller than the largest get few of its
 * steps. Between two convolutions a channel may be multiplied by any positive factor, if the weights that make it
 * are too and those that read it are divided by it (Nagel et al., Data-free quantization, 2019, section 4.1).
 */
import { type Constant, type Graph, type Node, readers } from "../graph.js";
import { FLOAT } from "../onnx/read.js";

/** Largest factor, so that a channel that is nearly always 0 does not take all of the range. */
const MOST = 64;

/**
 * Tensors whose channels may be scaled: made by a convolution with at most a clamp at 0, and read by convolutions
 * only.
 */
export function scalableTensors(graph: Graph): Set<string> {
  const read = readers(graph);
  const isFloat = (node: Node): boolean => graph.constants.get(node.inputs[1]!)?.quantized === undefined;
  const result = new Set<string>();
  for (const node of graph.nodes) {
    const output = node.outputs[0]!;
    if (node.type !== "conv" || !isFloat(node) || graph.quantization.has(output)) continue;
    const { min = -Infinity, max = Infinity } = node.clamp ?? {};
    if (max !== Infinity || (min !== -Infinity && min !== 0)) continue;
    const takes = (reader: Node | undefined): boolean => reader?.type === "conv" && isFloat(reader);
    if ((read.get(output) ?? [undefined]).every(takes)) result.add(output);
  }
  return result;
}

/**
 * Factors for the channels of scalable tensors, all at least 1: the square root of what would make a channel as large
 * as the largest one. All of it would give weights that are read the noise that it takes from the activation.
 *
 * @param largest absolute value of each channel of each scalable tensor
 */
export function channelFactors(largest: ReadonlyMap<string, readonly number[]>): Map<string, Float64Array> {
  const result = new Map<string, Float64Array>();
  for (const [tensor, values] of largest) {
    const most = Math.max(...values);
    if (most === 0) continue;
    const factors = Float64Array.from(values, (value) => Math.min(Math.sqrt(most / value), MOST));
    result.set(tensor, factors);
  }
  return result;
}

/** The graph with the channels of tensors multiplied by factors. Their names end in "#equalized". */
export function equalize(graph: Graph, factors: ReadonlyMap<string, Float64Array>): Graph {
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  const nodes = graph.nodes.map((node): Node => {
    if (node.type !== "conv") return node;
    const [input, weightName, biasName] = node.inputs as [string, string, string | undefined];
    const output = node.outputs[0]!;
    const [before, after] = [factors.get(input), factors.get(output)];
    if (!before && !after) return node;
    const names = [`${output}#equalized weights`, `${output}#equalized bias`] as const;
    const group = node.attributes.group as number;
    constants.set(names[0], scaledWeights(constants.get(weightName)!, group, before, after));
    const bias = biasName ? constants.get(biasName)! : undefined;
    if (bias) {
      const values = Float64Array.from(bias.values, (value, o) => value * (after?.[o] ?? 1));
      constants.set(names[1], { dims: bias.dims, type: FLOAT, values });
    }
    if (after) shapes.set(scaledName(output), shapes.get(output)!);
    const inputs = [before ? scaledName(input) : input, names[0], ...(bias ? [names[1]] : [])];
    return { ...node, inputs, outputs: after ? [scaledName(output)] : node.outputs };
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
