import { COUNT_INSIDE, COUNT_PADDING } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import {
  describe,
  type Graph,
  type Node,
  numberOf,
  producers,
  prune,
  readers,
  shapeOf,
  stringOf,
} from "../graph.js";
import { axesOf, constantInput } from "../shapes.js";

type Sides = readonly [number, number, number, number];

/**
 * Pad as part of the convolution or pooling after it where that gives the same numbers and the file does not
 * quantise what is padded, else as `pad`. Padding
 * of a window wider than its kernel reaches becomes a `pad` of its own.
 */
export function pad(graph: Graph): Graph {
  const read = readers(graph);
  const producer = producers(graph);
  const folded = new Set<string>();
  const shapes = new Map(graph.shapes);
  const quantization = new Map(graph.quantization);
  const constants = graph.constants;
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.type === "Pad") {
      const { pads, value } = lowered(graph, node);
      if (pads.every((side) => side === 0) || graph.quantization.has(node.outputs[0]!)) {
        return [{ ...node, type: "pad", inputs: [node.inputs[0]!], attributes: { pads, value } }];
      }
      const into = read.get(node.outputs[0]!)!;
      if (into.every((reader) => reader && accepts(graph, producer, reader, node, pads, value))) {
        folded.add(node.outputs[0]!);
      }
      return [{ ...node, type: "pad", inputs: [node.inputs[0]!], attributes: { pads, value } }];
    }
    const before = folded.has(node.inputs[0]!) ? producer.get(node.inputs[0]!) : undefined;
    const widened = before ? absorb(node, before.inputs[0]!, lowered(graph, before).pads) : node;
    return isWindow(widened) ? split(widened) : [widened];
  });
  return prune({ ...graph, nodes, shapes, quantization, constants });

  function split(node: Node): Node[] {
    const { kernel, dilations, pads } = node.attributes as Record<string, number[]>;
    const most = [0, 1].map((axis) => dilations![axis]! * (kernel![axis]! - 1));
    const rest = pads!.map((side, i) => Math.max(0, side - most[i % 2]!));
    if (rest.every((side) => side === 0)) return [node];
    if (node.type !== "conv")
      throw new ConvertError(`${describe(node)}: its padding is wider than its kernel`);
    const input = node.inputs[0]!;
    const output = `${node.outputs[0]}#padded`;
    const [batch, channels, height, width] = shapeOf(graph, input) as number[];
    shapes.set(output, [batch!, channels!, height! + rest[0]! + rest[2]!, width! + rest[1]! + rest[3]!]);
    if (quantization.has(input)) quantization.set(output, quantization.get(input)!);
    const own = pads!.map((side, i) => side - rest[i]!);
    const padding = { ...node, clamp: undefined, inputs: [input], outputs: [output] };
    return [
      { ...padding, type: "pad", attributes: { pads: rest, value: 0 } },
      { ...node, inputs: [output, ...node.inputs.slice(1)], attributes: { ...node.attributes, pads: own } },
    ];
  }
}

function isWindow(node: Node): boolean {
  return node.type === "conv" || node.type === "maxPool" || node.type === "averagePool";
}

function lowered(graph: Graph, node: Node): { pads: Sides; value: number } {
  const mode = stringOf(node, "mode", "constant");
  if (mode !== "constant")
    throw new ConvertError(`${describe(node)}: mode "${mode}" is not supported, only "constant"`);
  const axes = axesOf(graph, node, 3, 4) ?? [0, 1, 2, 3];
  const list = constantInput(graph, node, 1) ?? [];
  const begin = [0, 0, 0, 0];
  const end = [0, 0, 0, 0];
  axes.forEach((axis, i) => {
    begin[axis] = list[i]!;
    end[axis] = list[i + axes.length]!;
  });
  if (begin[0] !== 0 || begin[1] !== 0 || end[0] !== 0 || end[1] !== 0) {
    throw new ConvertError(`${describe(node)}: only height and width can be padded`);
  }
  const pads: Sides = [begin[2]!, begin[3]!, end[2]!, end[3]!];
  if (pads.some((side) => side < 0 || side > 255)) {
    throw new ConvertError(
      `${describe(node)}: padding of ${pads.join(", ")} is not supported, only 0 to 255`,
    );
  }
  return { pads, value: constantInput(graph, node, 2)?.[0] ?? 0 };
}

function accepts(
  graph: Graph,
  producer: ReadonlyMap<string, Node>,
  reader: Node,
  node: Node,
  pads: Sides,
  value: number,
): boolean {
  if (!isWindow(reader) || reader.inputs[0] !== node.outputs[0]) return false;
  const { kernel, dilations, pads: own } = reader.attributes as Record<string, number[]>;
  const fits = pads.every((side, i) => side + own![i]! <= dilations![i % 2]! * (kernel![i % 2]! - 1));
  if (!fits) return false;
  if (reader.type === "conv") return value === 0;
  if (reader.type === "maxPool")
    return value < -1e30 || (value === 0 && isPositive(graph, producer, node.inputs[0]!));
  const isBare = own!.every((side) => side === 0);
  return value === 0 && (isBare || numberOf(reader, "mode", COUNT_INSIDE) === COUNT_PADDING);
}

function absorb(node: Node, input: string, pads: Sides): Node {
  const own = node.attributes.pads as readonly number[];
  const attributes = { ...node.attributes, pads: own.map((side, i) => side + pads[i]!) };
  const mode = node.type === "averagePool" ? { mode: COUNT_PADDING } : {};
  return { ...node, inputs: [input, ...node.inputs.slice(1)], attributes: { ...attributes, ...mode } };
}

/** Whether a tensor is known to hold no number below 0. */
function isPositive(graph: Graph, producer: ReadonlyMap<string, Node>, tensor: string): boolean {
  const known = graph.quantization.get(tensor);
  if (known && Math.max(known.min, -128) >= known.zero) return true;
  const node = producer.get(tensor);
  if (node?.type === "Relu" || node?.type === "Sigmoid" || node?.type === "HardSigmoid") return true;
  return node?.type === "maxPool"
    ? isPositive(graph, producer, node.inputs[0]!)
    : (node?.clamp?.min ?? -1) >= 0;
}
