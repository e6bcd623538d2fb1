import { ConvertError } from "../errors.js";
import {
  describe,
  type Graph,
  listOf,
  type Node,
  numberOf,
  producers,
  prune,
  readers,
  rename,
  shapeOf,
  stringOf,
} from "../graph.js";
import { constantInput } from "../onnx/shapes.js";

const TO_FIRST = "0,3,1,2";
const TO_LAST = "0,2,3,1";

/** Takes the Transpose from [1, height, width, 3] off the input. */
export function head(graph: Graph): Graph {
  const shape = shapeOf(graph, graph.input);
  if (shape[1] === 3) return graph;
  const first = readers(graph).get(graph.input) ?? [];
  const aliases = new Map<string, string>();
  for (const node of first) {
    if (node?.type !== "Transpose" || listOf(node, "perm", 4, 0).join() !== TO_FIRST) {
      const where = node ? describe(node) : `output "${graph.output}"`;
      throw new ConvertError(`${where}: reads the input as [1, height, width, 3]; only a Transpose may`);
    }
    aliases.set(node.outputs[0]!, graph.input);
  }
  const shapes = new Map(graph.shapes).set(graph.input, [1, 3, shape[1]!, shape[2]!]);
  const quantization = new Map(graph.quantization);
  for (const name of aliases.keys()) {
    const known = quantization.get(name);
    if (known) quantization.set(graph.input, known);
  }
  return prune(rename({ ...graph, shapes, quantization }, aliases));
}

/** Operations after the scores that do not change which class is largest. */
const MONOTONE = new Set(["Softmax", "LogSoftmax", "Sigmoid"]);
const LAYOUT = new Set(["Transpose", "Squeeze", "Cast", "Identity"]);

/**
 * Takes off the output what `argmax` does itself or does not mind: ArgMax, Softmax, LogSoftmax and Sigmoid over
 * channels, Transpose to [1, height, width, channels], and one bilinear enlargement with half-pixel centres.
 */
export function tail(graph: Graph): Graph {
  const producer = producers(graph);
  const chain: Node[] = [];
  let output = graph.output;
  let isEnlarged = false;
  for (let node = producer.get(output); node; node = producer.get(output)) {
    const isResize: boolean = !isEnlarged && isEnlargement(graph, node);
    if (!isResize && !MONOTONE.has(node.type) && !LAYOUT.has(node.type) && node.type !== "ArgMax") break;
    isEnlarged ||= isResize;
    chain.unshift(node);
    output = node.inputs[0]!;
  }
  const shape = shapeOf(graph, output);
  if (shape.length !== 4) {
    throw new ConvertError(
      `output "${output}": expected scores of [1, classes, height, width], got [${shape}]`,
    );
  }
  let axis = 1;
  for (const node of chain) {
    const rank = shapeOf(graph, node.inputs[0]!).length;
    if (node.type === "Transpose") {
      const order = listOf(node, "perm", rank, 0);
      if (![TO_FIRST, TO_LAST].includes(order.join()))
        throw new ConvertError(`${describe(node)}: not supported here`);
      axis = order.indexOf(axis);
    } else if (node.type === "ArgMax" || node.type === "Softmax" || node.type === "LogSoftmax") {
      const over = (numberOf(node, "axis", node.type === "ArgMax" ? 0 : -1) + rank) % rank;
      if (over !== axis)
        throw new ConvertError(`${describe(node)}: only over the channels (axis ${axis}), not ${over}`);
      if (node.type === "ArgMax") break;
    }
  }
  return prune({ ...graph, output });
}

function isEnlargement(graph: Graph, node: Node): boolean {
  if (node.type !== "Resize" || !stringOf(node, "mode", "nearest").startsWith("linear")) return false;
  const mode = stringOf(node, "coordinate_transformation_mode", "half_pixel");
  const [from, to] = [shapeOf(graph, node.inputs[0]!), shapeOf(graph, node.outputs[0]!)];
  const scales = constantInput(graph, node, 2) ?? [];
  const isEven = [2, 3].every((axis) => to[axis]! >= from[axis]! && to[axis]! > 1);
  return (
    isEven &&
    from[1] === to[1] &&
    ["half_pixel", "pytorch_half_pixel"].includes(mode) &&
    scales.every((s) => s >= 1)
  );
}
