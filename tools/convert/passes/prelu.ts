import type { Graph, Node } from "../graph.js";

/** PRelu with a slope for each channel as `prelu`. */
export function prelu(graph: Graph): Graph {
  const nodes = graph.nodes.map((node): Node => {
    const isOwn = node.type === "PRelu" && graph.constants.has(node.inputs[1]!);
    return isOwn ? { ...node, type: "prelu", attributes: {} } : node;
  });
  return { ...graph, nodes };
}
