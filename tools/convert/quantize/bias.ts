/** Correction of the bias for what rounding takes off the mean of each output channel. */
import type { Graph, Node } from "../graph.js";
import { FLOAT } from "../onnx/read.js";
import { roundHalfEven } from "./numbers.js";

/**
 * The graph with the mean error of rounded weights, sum over inputs of (w - rounded w) * mean of the input, added
 * to each bias (Nagel et al., Data-free quantization, 2019, section 4.2). Padding counts as the mean.
 *
 * @param means of each channel of each tensor, in the numbers of the graph
 */
export function correctBias(graph: Graph, means: ReadonlyMap<string, ArrayLike<number>>): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node): Node => {
    const weights = node.type === "conv" ? graph.constants.get(node.inputs[1]!)! : undefined;
    const mean = means.get(node.inputs[0]!);
    if (!weights || weights.quantized || !mean) return node;
    const [outputs, perGroup, height, width] = weights.dims as [number, number, number, number];
    const taps = height * width;
    const group = node.attributes.group as number;
    if (mean.length !== perGroup * group) return node;
    const known = node.inputs[2] ? graph.constants.get(node.inputs[2])!.values : undefined;
    const bias = Float64Array.from({ length: outputs }, (_, o) => {
      const first = o * perGroup * taps;
      let largest = 0;
      for (let at = first; at < first + perGroup * taps; at++)
        largest = Math.max(largest, Math.abs(weights.values[at]!));
      const scale = Math.fround(largest / 127);
      if (scale === 0) return known?.[o] ?? 0;
      const channel = Math.floor((o * group) / outputs) * perGroup;
      let error = 0;
      for (let i = 0; i < perGroup; i++) {
        for (let tap = 0; tap < taps; tap++) {
          const value = weights.values[first + i * taps + tap]!;
          error += (value - scale * roundHalfEven(value / scale)) * mean[channel + i]!;
        }
      }
      return (known?.[o] ?? 0) + error;
    });
    const name = `${node.outputs[0]}#corrected bias`;
    constants.set(name, { dims: [outputs], type: FLOAT, values: bias });
    return { ...node, inputs: [node.inputs[0]!, node.inputs[1]!, name] };
  });
  return { ...graph, nodes, constants };
}
