import { COUNT_INSIDE, COUNT_PADDING, PAD_EDGE, PAD_REFLECT, PAD_VALUE } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import {
  describe,
  type Graph,
  type Node,
  numberOf,
  producers,
  prune,
  readers,
  rename,
  shapeOf,
  stringOf,
} from "../graph.js";
import type { Quantization } from "../quantize/numbers.js";

type Sides = readonly [number, number, number, number];

/**
 * Pad as part of the convolution or pooling after it where that gives the same numbers and the file does not
 * quantise what is padded, else as `pad`. Padding of a window wider than its kernel reaches becomes a `pad` too.
 */
export function pad(graph: Graph): Graph {
  const read = readers(graph);
  const producer = producers(graph);
  const folded = new Map<string, Node>();
  const aliases = new Map<string, string>();
  const shapes = new Map(graph.shapes);
  const quantization = new Map(graph.quantization);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    if (node.type === "Pad") {
      const { pads, value, mode } = lowered(graph, node);
      const isKept = graph.quantization.has(output);
      if (!isKept && pads.every((side) => side === 0)) aliases.set(output, input);
      const made = { ...node, type: "pad", inputs: [input], attributes: { pads, value, mode } };
      const takes = (reader: Node | undefined): boolean =>
        mode === PAD_VALUE && reader !== undefined && accepts(graph, producer, reader, node, pads, value);
      if (!isKept && read.get(output)!.every(takes)) folded.set(output, made);
      nodes.push(made);
    } else {
      const before = folded.get(input);
      const window = before ? absorb(node, before) : node;
      const excess = isWindow(window) ? excessOf(window) : undefined;
      nodes.push(...(excess ? split(shapes, quantization, window, excess) : [window]));
    }
  }
  return prune(rename({ ...graph, nodes, shapes, quantization }, aliases));
}

/** Padding beyond what the kernel reaches, on each side; undefined where there is none. */
function excessOf(node: Node): number[] | undefined {
  const { kernel, dilations, pads } = node.attributes as Record<string, readonly number[]>;
  const excess = pads!.map((side, i) => Math.max(0, side - dilations![i % 2]! * (kernel![i % 2]! - 1)));
  if (excess.every((side) => side === 0)) return undefined;
  if (node.type !== "conv") throw new ConvertError(`${describe(node)}: its padding is wider than its kernel`);
  return excess;
}

/** A convolution with excess padding as a `pad` with zeros and the convolution with the rest. */
function split(
  shapes: Map<string, readonly number[]>,
  quantization: Map<string, Quantization>,
  node: Node,
  excess: readonly number[],
): Node[] {
  const input = node.inputs[0]!;
  const output = `${node.outputs[0]}#padded`;
  const [batch, channels, height, width] = shapes.get(input) as number[];
  const [top, left, bottom, right] = excess as [number, number, number, number];
  shapes.set(output, [batch!, channels!, height! + top + bottom, width! + left + right]);
  if (quantization.has(input)) quantization.set(output, quantization.get(input)!);
  const pads = (node.attributes.pads as readonly number[]).map((side, i) => side - excess[i]!);
  const border = { name: node.name, type: "pad", inputs: [input], outputs: [output] };
  return [
    { ...border, attributes: { pads: excess, value: 0 } },
    { ...node, inputs: [output, ...node.inputs.slice(1)], attributes: { ...node.attributes, pads } },
  ];
}

function isWindow(node: Node): boolean {
  return node.type === "conv" || node.type === "maxPool" || node.type === "averagePool";
}

const MODES: Readonly<Record<string, number>> = { constant: PAD_VALUE, edge: PAD_EDGE, reflect: PAD_REFLECT };

function lowered(graph: Graph, node: Node): { pads: Sides; value: number; mode: number } {
  const name = stringOf(node, "mode", "constant");
  const mode = MODES[name];
  if (mode === undefined)
    throw new ConvertError(
      `${describe(node)}: mode "${name}" is not supported, only constant, edge and reflect`,
    );
  const pads = node.attributes.pads as unknown as Sides;
  if (pads.some((side) => side > 255)) {
    throw new ConvertError(
      `${describe(node)}: padding of ${pads.join(", ")} is not supported, only 0 to 255`,
    );
  }
  const [, , height, width] = shapeOf(graph, node.inputs[0]!);
  if (mode === PAD_REFLECT && pads.some((side, i) => side >= (i % 2 === 0 ? height! : width!))) {
    throw new ConvertError(`${describe(node)}: a reflection wider than its input`);
  }
  return { pads, value: mode === PAD_VALUE ? numberOf(node, "value", 0) : 0, mode };
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

/** A window that takes the place of the `pad` before it as well. */
function absorb(node: Node, before: Node): Node {
  const more = before.attributes.pads as readonly number[];
  const pads = (node.attributes.pads as readonly number[]).map((side, i) => side + more[i]!);
  const mode = node.type === "averagePool" ? { mode: COUNT_PADDING } : {};
  const inputs = [before.inputs[0]!, ...node.inputs.slice(1)];
  return { ...node, inputs, attributes: { ...node.attributes, pads, ...mode } };
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
