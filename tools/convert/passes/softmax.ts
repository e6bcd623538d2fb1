/** Softmax over the channels, inside a network. */
import { OVER_CHANNELS } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import { type Expression, INPUT } from "../expression.js";
import { describe, freshName, type Graph, type Node, shapeOf } from "../graph.js";
import { FLOAT } from "../onnx/read.js";
import { pointAttributes } from "./affine.js";

/** e to this is half a step of 8 bits in 0..1: what is less becomes 0. */
const LEAST = -Math.log(2 * 255);

const call = (name: string, ...args: Expression[]): Expression => ({
  kind: "call",
  name,
  args,
  parameters: [],
});
/** Of sums, which are at least 1: one of the exponentials is. */
const RECIPROCAL = call("Reciprocal", call("Max", INPUT, { kind: "constant", value: 1 }));

/**
 * Softmax of two channels: the sigmoid of each less the other. Of more: exponentials of what each is less than the largest,
 * and their sum, which they are divided by.
 */
export function softmax(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  const measures = new Map(graph.measures);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.type !== "Softmax") return [node];
    if (node.attributes.flattens === 1) {
      throw new ConvertError(`${describe(node)}: inside a network only over the channels of each pixel`);
    }
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    const shape = shapeOf(graph, input);
    const channels = shape[1]!;
    const made: Node[] = [];
    const add = (type: string, suffix: string, inputs: readonly string[], more: Partial<Node>): string => {
      const name = suffix === "" ? output : freshName(graph, `${output}#${suffix}`);
      shapes.set(name, shape);
      made.push({ name: node.name, type, inputs, outputs: [name], attributes: {}, ...more });
      return name;
    };
    /** A convolution of 1x1. */
    const product = (
      suffix: string,
      from: string,
      columns: number,
      weight: (o: number, i: number) => number,
    ): string => {
      const weights = `${output}#${suffix} weights`;
      const values = Float64Array.from({ length: channels * columns }, (_, at) => {
        return weight(Math.floor(at / columns), at % columns);
      });
      constants.set(weights, { dims: [channels, columns, 1, 1], type: FLOAT, values });
      return add("conv", suffix, [from, weights], { attributes: pointAttributes(1) });
    };
    if (channels === 2) {
      const difference = product("difference", input, 2, (o, i) => (o === i ? 1 : -1));
      add("function", "", [difference], { expression: call("Sigmoid", INPUT) });
      return made;
    }
    const largest = add("reduceMax", "largest", [input], { attributes: { mode: OVER_CHANNELS } });
    shapes.set(largest, [1, 1, ...shape.slice(2)]);
    const negative = product("negative", largest, 1, () => -1);
    const less = add("add", "less", [input, negative], {});
    const lessOf = (values: Float32Array): Float32Array => below(values, channels);
    measures.set(less, {
      tensor: input,
      of: (values) => lessOf(values).map((value) => Math.max(value, LEAST)),
    });
    const powers = add("function", "powers", [less], { expression: call("Exp", INPUT) });
    const sum = product("sum", powers, channels, () => 1);
    measures.set(sum, { tensor: input, of: (values) => sums(lessOf(values).map(Math.exp), channels) });
    add("gate", "", [powers, sum], { attributes: { factor: 1 }, expression: RECIPROCAL });
    return made;
  });
  return { ...graph, nodes, constants, shapes, measures };
}

/** What each channel of a pixel is less than the largest of them. */
function below(values: Float32Array, channels: number): Float32Array {
  const plane = values.length / channels;
  const largest = new Float32Array(plane).fill(-Infinity);
  values.forEach((value, at) => {
    largest[at % plane] = Math.max(largest[at % plane]!, value);
  });
  return values.map((value, at) => value - largest[at % plane]!);
}

/** The sum of the channels of each pixel. */
function sums(values: Float32Array, channels: number): Float32Array {
  const result = new Float32Array(values.length / channels);
  values.forEach((value, at) => {
    result[at % result.length]! += value;
  });
  return result;
}
