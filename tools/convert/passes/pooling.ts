import { COUNT_INSIDE, COUNT_PADDING, PAD_VALUE } from "../../../src/format.js";
import { type Graph, listOf, type Node, numberOf, shapeOf } from "../graph.js";
import { windowOf } from "../onnx/window.js";

/**
 * MaxPool, AveragePool and GlobalAveragePool as the operations of the model file. An
 * average over a window that covers the whole plane is a global one, since a model file has no fixed size.
 */
export function pooling(graph: Graph): Graph {
  const shapes = new Map(graph.shapes);
  const nodes = graph.nodes.flatMap((node): Node | Node[] => {
    const base = { ...node, inputs: [node.inputs[0]!] };
    if (node.type === "GlobalAveragePool") return { ...base, type: "globalAveragePool", attributes: {} };
    if (node.type !== "MaxPool" && node.type !== "AveragePool") return node;
    const shape = shapeOf(graph, node.inputs[0]!);
    const { kernel, strides, dilations, pads } = windowOf(node, shape, listOf(node, "kernel_shape", 2, 1));
    const attributes = { kernel, strides, dilations, pads };
    const outputs = [node.outputs[0]!];
    if (node.type === "MaxPool") return { ...base, outputs, type: "maxPool", attributes };
    const isWhole = kernel[0] === shape[2] && kernel[1] === shape[3] && pads.every((pad) => pad === 0);
    if (isWhole) return { ...base, type: "globalAveragePool", attributes: {} };
    const mode = numberOf(node, "count_include_pad", 0) !== 0 ? COUNT_PADDING : COUNT_INSIDE;
    const given = listOf(node, "pads", 4, 0);
    const added = pads.map((side, i) => side - given[i]!);
    const isPadded = given.some((side) => side > 0) && added.some((side) => side > 0);
    if (mode === COUNT_INSIDE || !isPadded || node.attributes.auto_pad !== undefined) {
      return { ...base, type: "averagePool", attributes: { ...attributes, mode } };
    }
    // what ceil_mode adds does not count, but the padding does
    const padded = `${node.outputs[0]}#padded`;
    const [top, left, bottom, right] = given as [number, number, number, number];
    shapes.set(padded, [1, shape[1]!, shape[2]! + top + bottom, shape[3]! + left + right]);
    const border = { pads: given, value: 0, mode: PAD_VALUE };
    return [
      { ...base, type: "pad", outputs: [padded], attributes: border },
      {
        ...base,
        inputs: [padded],
        type: "averagePool",
        attributes: { ...attributes, pads: added, mode: COUNT_INSIDE },
      },
    ];
  });
  return { ...graph, nodes, shapes };
}
