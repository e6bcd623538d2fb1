import { COUNT_INSIDE, COUNT_PADDING } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import { describe, type Graph, listOf, type Node, numberOf, readers, shapeOf } from "../graph.js";
import { axesOf, windowOf } from "../onnx/shapes.js";

/**
 * MaxPool, AveragePool, GlobalAveragePool and ReduceMean over space as the operations of the model file. An
 * average over a window that covers the whole plane is a global one, since a model file has no fixed size.
 */
export function pooling(graph: Graph): Graph {
  const read = readers(graph);
  const nodes = graph.nodes.map((node): Node => {
    const base = { ...node, inputs: [node.inputs[0]!] };
    if (node.type === "GlobalAveragePool") return { ...base, type: "globalAveragePool", attributes: {} };
    if (node.type === "ReduceMean") {
      const rank = shapeOf(graph, node.inputs[0]!).length;
      const axes = axesOf(graph, node, 1, rank);
      if (axes?.sort().join() !== "2,3" || numberOf(node, "keepdims", 1) === 0) {
        throw new ConvertError(`${describe(node)}: only over height and width (axes 2 and 3), with keepdims`);
      }
      return { ...base, type: "globalAveragePool", attributes: {} };
    }
    if (node.type !== "MaxPool" && node.type !== "AveragePool") return node;
    if (node.outputs[1] && read.has(node.outputs[1])) {
      throw new ConvertError(`${describe(node)}: the indices of the maxima are not supported`);
    }
    const shape = shapeOf(graph, node.inputs[0]!);
    const { kernel, strides, dilations, pads } = windowOf(node, shape, listOf(node, "kernel_shape", 2, 1));
    const attributes = { kernel, strides, dilations, pads };
    const outputs = [node.outputs[0]!];
    if (node.type === "MaxPool") return { ...base, outputs, type: "maxPool", attributes };
    const isWhole = kernel[0] === shape[2] && kernel[1] === shape[3] && pads.every((pad) => pad === 0);
    if (isWhole) return { ...base, type: "globalAveragePool", attributes: {} };
    const mode = numberOf(node, "count_include_pad", 0) !== 0 ? COUNT_PADDING : COUNT_INSIDE;
    return { ...base, type: "averagePool", attributes: { ...attributes, mode } };
  });
  return { ...graph, nodes };
}
