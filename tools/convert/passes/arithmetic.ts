import { ConvertError } from "../errors.js";
import { INPUT } from "../expression.js";
import { describe, type Graph, type Node, shapeOf } from "../graph.js";
import { FLOAT } from "../onnx/read.js";
import { pointAttributes } from "./affine.js";

/**
 * Add, Sub and Mul of two activations as `add` and `multiply`: what is repeated over the plane comes second, and
 * a single channel is repeated by a 1x1 convolution of ones.
 */
export function arithmetic(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  const quantization = new Map(graph.quantization);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (!["Add", "Sub", "Mul"].includes(node.type)) return [node];
    const made: Node[] = [];
    let [a, b] = node.inputs as [string, string];
    const constant = [a, b].find((name) => constants.has(name));
    if (constant !== undefined) {
      throw new ConvertError(
        `${describe(node)}: constant "${constant}" of shape [${constants.get(constant)!.dims.join(", ")}] is not ` +
          "supported, only one number or one number a channel",
      );
    }
    if (node.type === "Sub") b = negative(node, b);
    const size = shapeOf(graph, node.outputs[0]!);
    [a, b] = [repeated(node, a, size[1]!), repeated(node, b, size[1]!)];
    const isWhole = (name: string): boolean => [2, 3].every((axis) => shapes.get(name)![axis] === size[axis]);
    if (!isWhole(a)) [a, b] = [b, a];
    const second = shapes.get(b)!;
    if (!isWhole(a) || !(isWhole(b) || (second[2] === 1 && second[3] === 1))) {
      throw new ConvertError(
        `${describe(node)}: shapes [${shapes.get(a)}] and [${second}] are not supported together`,
      );
    }
    return [
      ...made,
      { ...node, type: node.type === "Mul" ? "multiply" : "add", inputs: [a, b], attributes: {} },
    ];

    function negative(of: Node, input: string): string {
      const output = `${of.outputs[0]}#negative`;
      const expression = { kind: "call", name: "Neg", args: [INPUT], parameters: [] } as const;
      made.push({
        name: of.name,
        type: "function",
        inputs: [input],
        outputs: [output],
        attributes: {},
        expression,
      });
      shapes.set(output, shapes.get(input)!);
      return output;
    }

    function repeated(of: Node, input: string, channels: number): string {
      const shape = shapes.get(input)!;
      if (shape.length !== 4) throw new ConvertError(`${describe(of)}: "${input}" has not four axes`);
      if (shape[1] === channels) return input;
      const output = `${input}#repeated`;
      const weights = `${output}#weights`;
      constants.set(weights, {
        dims: [channels, 1, 1, 1],
        type: FLOAT,
        values: new Float32Array(channels).fill(1),
      });
      shapes.set(output, [shape[0]!, channels, shape[2]!, shape[3]!]);
      const known = quantization.get(input);
      if (known) quantization.set(output, known);
      const attributes = pointAttributes(1);
      made.push({ name: of.name, type: "conv", inputs: [input, weights], outputs: [output], attributes });
      return output;
    }
  });
  return { ...graph, nodes, constants, shapes, quantization };
}
