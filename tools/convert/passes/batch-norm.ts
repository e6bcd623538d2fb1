import { ConvertError } from "../errors.js";
import { describe, type Graph, numberOf, shapeOf } from "../graph.js";
import { constantInput } from "../onnx/inputs.js";
import { affineNode } from "./affine.js";

/** BatchNormalization as `affine`: y = x * scale / sqrt(variance + epsilon) + ..., per channel. */
export function batchNorm(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node) => {
    if (node.type !== "BatchNormalization") return node;
    if (numberOf(node, "training_mode", 0) !== 0) {
      throw new ConvertError(
        `${describe(node)}: it is in training mode; export the model in evaluation mode`,
      );
    }
    const [scale, shift, mean, variance] = [1, 2, 3, 4].map((index) => constantInput(graph, node, index));
    const channels = shapeOf(graph, node.inputs[0]!)[1];
    if (![scale, shift, mean, variance].every((list) => list?.length === channels)) {
      throw new ConvertError(`${describe(node)}: four lists of ${channels} numbers expected`);
    }
    const epsilon = numberOf(node, "epsilon", 1e-5);
    const factors = scale!.map((value, c) => value / Math.sqrt(variance![c]! + epsilon));
    const offsets = shift!.map((value, c) => value - mean![c]! * factors[c]!);
    return affineNode(constants, node, factors, offsets);
  });
  return { ...graph, nodes, constants };
}
