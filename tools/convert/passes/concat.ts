import { MAX_INPUTS } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import { describe, type Graph, type Node, numberOf, shapeOf } from "../graph.js";

/** Concat over channels as `concat`; more than four inputs are joined four at a time. */
export function concat(graph: Graph): Graph {
  const shapes = new Map(graph.shapes);
  const quantization = new Map(graph.quantization);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.type !== "Concat") return [node];
    const shape = shapeOf(graph, node.outputs[0]!);
    if (shape.length !== 4 || (numberOf(node, "axis", 1) + 4) % 4 !== 1) {
      throw new ConvertError(`${describe(node)}: only over channels (axis 1)`);
    }
    const constant = node.inputs.find((input) => graph.constants.has(input));
    if (constant !== undefined) throw new ConvertError(`${describe(node)}: "${constant}" is a constant`);
    const joined: Node[] = [];
    let inputs = [...node.inputs];
    while (inputs.length > MAX_INPUTS) {
      const output = `${node.outputs[0]}#${joined.length}`;
      const first = inputs.slice(0, MAX_INPUTS);
      joined.push({ ...node, type: "concat", inputs: first, outputs: [output], attributes: {} });
      const channels = first.reduce((sum, input) => sum + shapes.get(input)![1]!, 0);
      shapes.set(output, [shape[0]!, channels, shape[2]!, shape[3]!]);
      const known = graph.quantization.get(node.outputs[0]!);
      if (known) quantization.set(output, known);
      inputs = [output, ...inputs.slice(MAX_INPUTS)];
    }
    return [...joined, { ...node, type: "concat", inputs, attributes: {} }];
  });
  return { ...graph, nodes, shapes, quantization };
}
