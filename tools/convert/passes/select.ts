/**
 * Channels picked and put in order. While the passes run that is a node `select` with a list of indices; in the end it is
 * part of the convolutions that read it, of the convolution that it reads, or a 1x1 convolution that picks.
 */
import { type Constant, type Graph, type Node, producers, prune, readers, shapeOf } from "../graph.js";
import { FLOAT } from "../onnx/read.js";
import { pointAttributes } from "./affine.js";

/** Functions of one value, which a selection may change places with. */
const PER_VALUE = new Set([
  "function",
  "Relu",
  "Clip",
  "LeakyRelu",
  "Sigmoid",
  "HardSigmoid",
  "HardSwish",
  "Tanh",
  "Elu",
]);

export function select(graph: Graph): Graph {
  let current = graph;
  for (const node of graph.nodes) {
    if (node.type === "select") current = lowered(current, node);
  }
  return prune(current);
}

function lowered(graph: Graph, node: Node): Graph {
  const indices = node.attributes.indices as readonly number[];
  const [input, output] = [node.inputs[0]!, node.outputs[0]!];
  const channels = shapeOf(graph, input)[1]!;
  const own = (readers(graph).get(output) ?? []).filter((reader) => reader !== undefined);
  const takes = (reader: Node): boolean => {
    const weights = graph.constants.get(reader.inputs[1] ?? "");
    if (reader.type !== "conv" || reader.inputs[0] !== output || reader.attributes.group !== 1 || !weights)
      return false;
    const [, , height, width] = weights.dims;
    return !weights.quantized && (height! * width! === 1 || channels <= indices.length);
  };
  const isOutput = output === graph.output;
  if (!isOutput && own.length > 0 && own.every(takes) && channels <= 2 * indices.length) {
    return intoReaders(graph, node, own, channels, indices);
  }
  return intoProducer(graph, node, indices) ?? picking(graph, node, channels, indices);
}

/** Each reader reads the whole input, with weights of 0 for what is left out. */
function intoReaders(
  graph: Graph,
  node: Node,
  own: readonly Node[],
  channels: number,
  indices: readonly number[],
): Graph {
  const constants = new Map(graph.constants);
  const made = new Map<Node, Node>();
  for (const reader of own) {
    const { dims, values } = constants.get(reader.inputs[1]!)!;
    const [outputs, inputs, height, width] = dims as [number, number, number, number];
    const area = height * width;
    const wide = new Float64Array(outputs * channels * area);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        for (let tap = 0; tap < area; tap++) {
          wide[(o * channels + indices[i]!) * area + tap]! += values[(o * inputs + i) * area + tap]!;
        }
      }
    }
    const name = `${reader.outputs[0]}#selecting`;
    constants.set(name, { dims: [outputs, channels, height, width], type: FLOAT, values: wide });
    made.set(reader, { ...reader, inputs: [node.inputs[0]!, name, ...reader.inputs.slice(2)] });
  }
  return { ...graph, constants, nodes: graph.nodes.map((other) => made.get(other) ?? other) };
}

/** The convolution before, with those of its outputs that are picked; functions of one value lie between unharmed. */
function intoProducer(graph: Graph, node: Node, indices: readonly number[]): Graph | undefined {
  const read = readers(graph);
  const producer = producers(graph);
  const between: Node[] = [];
  let tensor = node.inputs[0]!;
  let before = producer.get(tensor);
  const isOnlySelected = (name: string): boolean => {
    return read
      .get(name)!
      .every((reader) => reader?.type === "select" || (reader && between.includes(reader)));
  };
  while (before && PER_VALUE.has(before.type) && isOnlySelected(tensor)) {
    between.unshift(before);
    tensor = before.inputs[0]!;
    before = producer.get(tensor);
  }
  const weights = before && graph.constants.get(before.inputs[1] ?? "");
  if (before?.type !== "conv" || !weights || weights.quantized || before.attributes.group !== 1)
    return undefined;
  if (!isOnlySelected(tensor) || graph.quantization.has(tensor) || indices.length > weights.dims[0]!)
    return undefined;
  const selections = read.get(node.inputs[0]!)!.reduce((sum, reader) => {
    return sum + ((reader?.attributes.indices as readonly number[] | undefined)?.length ?? 0);
  }, 0);
  if (selections > weights.dims[0]!) return undefined;
  const output = node.outputs[0]!;
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  const name = (of: string): string => (of === node.inputs[0] ? output : `${of}#of ${output}`);
  const kept = (constant: Constant): Constant => {
    const each = constant.values.length / weights.dims[0]!;
    const values = indices.flatMap((index) =>
      Array.from(constant.values.subarray(index * each, (index + 1) * each)),
    );
    return {
      dims: [indices.length, ...constant.dims.slice(1)],
      type: FLOAT,
      values: Float64Array.from(values),
    };
  };
  const parameters = before.inputs.slice(1).map((parameter) => {
    constants.set(`${parameter}#of ${output}`, kept(graph.constants.get(parameter)!));
    return `${parameter}#of ${output}`;
  });
  const [, , height, width] = shapeOf(graph, output);
  const made = [
    { ...before, inputs: [before.inputs[0]!, ...parameters], outputs: [name(tensor)] },
    ...between.map((other) => ({
      ...other,
      inputs: [name(other.inputs[0]!), ...other.inputs.slice(1)],
      outputs: [name(other.outputs[0]!)],
    })),
  ];
  for (const { outputs } of made) shapes.set(outputs[0]!, [1, indices.length, height!, width!]);
  return {
    ...graph,
    constants,
    shapes,
    nodes: graph.nodes.flatMap((other) => (other === node ? made : [other])),
  };
}

/** A 1x1 convolution with one weight of 1 for each output. */
function picking(graph: Graph, node: Node, channels: number, indices: readonly number[]): Graph {
  const constants = new Map(graph.constants);
  const name = `${node.outputs[0]}#picks`;
  const values = new Float64Array(indices.length * channels);
  indices.forEach((index, o) => {
    values[o * channels + index] = 1;
  });
  constants.set(name, { dims: [indices.length, channels, 1, 1], type: FLOAT, values });
  const attributes = { ...pointAttributes(1), selects: 1 };
  const made: Node = { ...node, type: "conv", inputs: [node.inputs[0]!, name], attributes };
  return { ...graph, constants, nodes: graph.nodes.map((other) => (other === node ? made : other)) };
}
