import { type Graph, type Node, prune, rename } from "../graph.js";

const NOTHING = new Set(["Identity", "Dropout", "Cast"]);

/** Drops nodes that leave activations as they are, and turns a Sum into one Add for each further input. */
export function cleanup(graph: Graph): Graph {
  const aliases = new Map<string, string>();
  const shapes = new Map(graph.shapes);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const isAlone = node.inputs.length === 1 && (node.type === "Concat" || node.type === "Sum");
    const isCast = node.type === "Cast" && [6, 7].includes(node.attributes.to as number);
    if ((NOTHING.has(node.type) && !isCast) || isAlone) {
      aliases.set(node.outputs[0]!, node.inputs[0]!);
    } else if (node.type === "Sum") {
      let sum = node.inputs[0]!;
      node.inputs.slice(1).forEach((input, index) => {
        const isLast = index === node.inputs.length - 2;
        const output = isLast ? node.outputs[0]! : `${node.outputs[0]}#${index}`;
        shapes.set(output, shapes.get(node.outputs[0]!)!);
        nodes.push({ ...node, type: "Add", inputs: [sum, input], outputs: [output] });
        sum = output;
      });
    } else {
      nodes.push(node);
    }
  }
  const quantization = new Map(graph.quantization);
  for (const [from, to] of aliases) {
    const known = quantization.get(from);
    if (known && !quantization.has(to)) quantization.set(to, known);
  }
  return prune(rename({ ...graph, nodes, shapes, quantization }, aliases));
}
