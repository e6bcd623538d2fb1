import { ConvertError } from "../errors.js";
import { describe, type Graph, type Node, numberOf, shapeOf } from "../graph.js";
import { windowOf } from "../onnx/window.js";

/** Conv as `conv`: attributes kernel, strides, dilations, pads (top, left, bottom, right) and group, all explicit. */
export function conv(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.type === "Conv" ? lowered(graph, node) : node)) };
}

function lowered(graph: Graph, node: Node): Node {
  const [input, weights, bias] = node.inputs as [string, string, string | undefined];
  const constant = graph.constants.get(weights);
  if (!constant) throw new ConvertError(`${describe(node)}: its weights must be constants`);
  if (constant.hasZeroPoint)
    throw new ConvertError(`${describe(node)}: its weights must have the zero point 0`);
  if (bias && !graph.constants.has(bias))
    throw new ConvertError(`${describe(node)}: its bias must be a constant`);
  const [outputs, , height, width] = constant.dims as [number, number, number, number];
  if (bias && graph.constants.get(bias)!.values.length !== outputs) {
    throw new ConvertError(`${describe(node)}: a bias of ${outputs} numbers expected`);
  }
  const { kernel, strides, dilations, pads } = windowOf(node, shapeOf(graph, input), [height, width]);
  return {
    ...node,
    type: "conv",
    inputs: bias ? [input, weights, bias] : [input, weights],
    attributes: { kernel, strides, dilations, pads, group: numberOf(node, "group", 1) },
  };
}
