import { freshName, type Graph, type Pass } from "../graph.js";
import { affineNode } from "./affine.js";

/**
 * A pass that puts (x - mean) / std, per colour, between the image in 0..1 and the model's own input.
 *
 * @param mean of red, green, blue, where the image is 0..1
 * @param std of red, green, blue, not 0
 */
export function normalize(mean: readonly number[], std: readonly number[]): Pass {
  return (graph: Graph): Graph => {
    const input = freshName(graph, "picture");
    const constants = new Map(graph.constants);
    const base = {
      name: "normalization",
      type: "affine",
      inputs: [input],
      outputs: [graph.input],
      attributes: {},
    };
    const node = affineNode(
      constants,
      base,
      std.map((deviation) => 1 / deviation),
      mean.map((value, c) => -value / std[c]!),
    );
    const shapes = new Map(graph.shapes).set(input, graph.shapes.get(graph.input)!);
    return { ...graph, nodes: [node, ...graph.nodes], constants, shapes, input };
  };
}
