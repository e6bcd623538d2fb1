import { ConvertError } from "../errors.js";
import { INPUT } from "../expression.js";
import { describe, freshName, type Graph, type Node, shapeOf } from "../graph.js";
import { FLOAT } from "../onnx/read.js";
import { pointAttributes } from "./affine.js";

/** Softmax of two channels inside a network: the sigmoid of each less the other. */
export function softmax(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.type !== "Softmax") return [node];
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    if (shapeOf(graph, input)[1] !== 2 || node.attributes.flattens === 1) {
      throw new ConvertError(
        `${describe(node)}: inside a network only of two channels; at its end it is left out`,
      );
    }
    const difference = freshName(graph, `${output}#difference`);
    const weights = `${difference}#weights`;
    constants.set(weights, { dims: [2, 2, 1, 1], type: FLOAT, values: Float64Array.of(1, -1, -1, 1) });
    shapes.set(difference, shapeOf(graph, output));
    const base = { name: node.name, attributes: {} };
    const expression = { kind: "call", name: "Sigmoid", args: [INPUT], parameters: [] } as const;
    return [
      {
        ...base,
        type: "conv",
        inputs: [input, weights],
        outputs: [difference],
        attributes: pointAttributes(1),
      },
      { ...base, type: "function", inputs: [difference], outputs: [output], expression },
    ];
  });
  return { ...graph, nodes, constants, shapes };
}
