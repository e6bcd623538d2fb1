import { ConvertError } from "../errors.js";
import { INPUT } from "../expression.js";
import { describe, type Graph, type Node, shapeOf } from "../graph.js";
import { FLOAT } from "../onnx/read.js";
import { pointAttributes } from "./affine.js";
import { sizedLike } from "./resize.js";

/**
 * Add, Sub, Mul, Div, Max and Min of two activations as `add` and `multiply`: what is repeated over the plane comes second,
 * a single channel is repeated by a 1x1 convolution of ones, a single row or column by a resize to the nearest.
 */
export function arithmetic(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  const quantization = new Map(graph.quantization);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (!["Add", "Sub", "Mul", "Div", "Max", "Min"].includes(node.type)) return [node];
    const made: Node[] = [];
    const output = node.outputs[0]!;
    let [a, b] = node.inputs as [string, string];
    const constant = [a, b].find((name) => constants.has(name));
    if (constant !== undefined) {
      throw new ConvertError(
        `${describe(node)}: constant "${constant}" of shape [${constants.get(constant)!.dims.join(", ")}] is not ` +
          "supported, only one number or one number a channel",
      );
    }
    const size = shapeOf(graph, output);
    if (node.type === "Sub") b = applied("Neg", b, "negative");
    if (node.type === "Div") b = applied("Reciprocal", b, "reciprocal");
    [a, b] = [repeated(a), repeated(b)];
    const isWhole = (name: string): boolean => [2, 3].every((axis) => shapes.get(name)![axis] === size[axis]);
    if (!isWhole(a) && !isWhole(b)) [a, b] = [spread(a), spread(b)];
    else if (!isWhole(a)) [a, b] = [b, a];
    const [, , height, width] = shapes.get(b)!;
    if (!isWhole(b) && height! * width! > 1) b = spread(b);
    if (node.type === "Max" || node.type === "Min") return largest(node.type === "Max");
    const type = ["Mul", "Div"].includes(node.type) ? "multiply" : "add";
    return [...made, { ...node, type, inputs: [a, b], attributes: {} }];

    /** max(a, b) = b + max(a - b, 0), and min likewise. */
    function largest(isMax: boolean): Node[] {
      const base = { name: node.name, attributes: {} };
      if (!isWhole(b)) b = spread(b);
      const negative = applied("Neg", b, "negative");
      const difference = `${output}#difference`;
      shapes.set(difference, size);
      const clamp = isMax ? { min: 0, max: Infinity } : { min: -Infinity, max: 0 };
      const inner = { ...base, type: "add", inputs: [a, negative], outputs: [difference], clamp };
      const sum: Node = { ...node, type: "add", inputs: [b, difference], attributes: {} };
      return [...made, inner, sum];
    }

    function applied(name: string, input: string, suffix: string): string {
      const result = `${output}#${suffix}`;
      const expression = { kind: "call", name, args: [INPUT], parameters: [] } as const;
      made.push({
        name: node.name,
        type: "function",
        inputs: [input],
        outputs: [result],
        attributes: {},
        expression,
      });
      shapes.set(result, shapes.get(input)!);
      return result;
    }

    /** One channel repeated. */
    function repeated(input: string): string {
      const shape = shapes.get(input)!;
      const channels = size[1]!;
      if (shape[1] === channels) return input;
      const result = `${output}#repeated ${input}`;
      const weights = `${result}#weights`;
      constants.set(weights, {
        dims: [channels, 1, 1, 1],
        type: FLOAT,
        values: new Float32Array(channels).fill(1),
      });
      shapes.set(result, [shape[0]!, channels, shape[2]!, shape[3]!]);
      const known = quantization.get(input);
      if (known) quantization.set(result, known);
      const attributes = pointAttributes(1);
      made.push({ name: node.name, type: "conv", inputs: [input, weights], outputs: [result], attributes });
      return result;
    }

    /** One row, column or pixel repeated. */
    function spread(input: string): string {
      const shape = shapes.get(input)!;
      if (shape[2] === size[2] && shape[3] === size[3]) return input;
      const other = [a, b].find((name) => name !== input && isWhole(name));
      const like = other ?? sizedLike({ ...graph, shapes }, node, input, size);
      if (like === undefined) {
        throw new ConvertError(
          `${describe(node)}: shapes [${shapes.get(a)}] and [${shapes.get(b)}] are not supported together`,
        );
      }
      const result = `${output}#spread ${input}`;
      shapes.set(result, [1, shape[1]!, size[2]!, size[3]!]);
      const known = quantization.get(input);
      if (known) quantization.set(result, known);
      made.push({
        name: node.name,
        type: "resize",
        inputs: [input, like],
        outputs: [result],
        attributes: { mode: 0 },
      });
      return result;
    }
  });
  return { ...graph, nodes, constants, shapes, quantization };
}
