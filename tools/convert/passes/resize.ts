import { CHANNEL_FASTER, NEAREST } from "../../../src/format.js";
import { ConvertError } from "../errors.js";
import {
  type Constant,
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
import { FLOAT } from "../onnx/read.js";
import { pointAttributes } from "./affine.js";
import { linearMode, nearestPicks, type Picks, resizedAxes } from "./positions.js";

/** Most rows or columns that a crop takes off one side. */
const MOST_CROPPED = 255;

/** What nodes that are made on the way add to the graph. */
interface Made {
  readonly shapes: Map<string, readonly number[]>;
  readonly constants: Map<string, Constant>;
}

/** Resize as `resize`: a mode, and a fraction or a second tensor that gives the size; and what is to be spread. */
export function resize(graph: Graph): Graph {
  const made: Made = { shapes: new Map(graph.shapes), constants: new Map(graph.constants) };
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.type === "Resize") return lowered(graph, node, made);
    return [node.type === "expand" ? spread(graph, node) : node];
  });
  return prune({ ...graph, nodes, ...made });
}

/** One row, column or pixel repeated. */
function spread(graph: Graph, node: Node): Node {
  const like = sizedLike(graph, node, node.inputs[0]!, shapeOf(graph, node.outputs[0]!));
  if (like === undefined) {
    throw new ConvertError(`${describe(node)}: there is no tensor of the size that it is to be spread to`);
  }
  return { ...node, type: "resize", inputs: [node.inputs[0]!, like], attributes: { mode: NEAREST } };
}

function lowered(graph: Graph, node: Node, made: Made): Node[] {
  const [input, like] = [node.inputs[0]!, node.inputs[4]];
  const [from, to] = [shapeOf(graph, input), shapeOf(graph, node.outputs[0]!)];
  if (from[0] !== to[0] || from[1] !== to[1])
    throw new ConvertError(`${describe(node)}: it changes the channels`);
  if (numberOf(node, "antialias", 0) !== 0 && (to[2]! < from[2]! || to[3]! < from[3]!)) {
    throw new ConvertError(`${describe(node)}: antialiased shrinking is not supported`);
  }
  const picks = picksOf(graph, node);
  if (picks.kind === "shifted") return shifted(node, from, picks, made);
  if (picks.kind === "stepped") return stepped(node, from, picks, made);
  const { mode } = picks;
  const base = { ...node, type: "resize" };
  const fraction = commonFraction([from[2]!, from[3]!], [to[2]!, to[3]!]);
  const isInteger = fraction?.[1] === 1;
  const isPoint = from[2] === 1 && from[3] === 1;
  const given = isInteger && !isPoint && like === graph.input ? undefined : like;
  const same = given ?? sameSize(graph, node, isPoint || !fraction);
  if (same !== undefined) return [{ ...base, inputs: [input, same], attributes: { mode } }];
  const block = [to[2]! / from[2]!, to[3]! / from[3]!] as const;
  if (!fraction && mode === NEAREST && block.every(Number.isInteger)) {
    return shifted(node, from, { factors: block, shifts: [0, 0] }, made);
  }
  if (!fraction) {
    const cropped = croppedLike(graph, node, to, made);
    return [cropped, { ...base, inputs: [input, cropped.outputs[0]!], attributes: { mode } }];
  }
  return [
    { ...base, inputs: [input], attributes: { mode, numerator: fraction[0], denominator: fraction[1] } },
  ];
}

/** The mode of the model file that reads the pixels of a node, or how else they are had. */
function picksOf(graph: Graph, node: Node): Picks {
  const kind = stringOf(node, "mode", "nearest");
  if (kind === "cubic")
    throw new ConvertError(`${describe(node)}: cubic is not supported; use linear or nearest`);
  const axes = resizedAxes(graph, node);
  const mode = kind === "linear" ? linearMode(axes) : undefined;
  const picks = mode === undefined ? undefined : ({ kind: "mode", mode } as const);
  const found = kind === "nearest" ? nearestPicks(node, axes) : picks;
  if (found) return found;
  const transform = stringOf(node, "coordinate_transformation_mode", "half_pixel");
  const rounding = stringOf(node, "nearest_mode", "round_prefer_floor");
  const shares = axes.map(({ scale }) => scale);
  throw new ConvertError(
    `${describe(node)}: mode "${kind}" with positions "${transform}"${kind === "nearest" ? `, rounded by "${rounding}",` : ""} ` +
      `and factors ${shares.join(", ")} reads other pixels than any mode of the model file; supported are nearest ` +
      "(asymmetric, floor; whole factors in every way) and linear (half_pixel, align_corners, asymmetric), with sizes " +
      "that are exact multiples of the factors",
  );
}

/** A tensor of a size that no other has: one that is larger, cropped. */
function croppedLike(graph: Graph, node: Node, to: readonly number[], { shapes }: Made): Node {
  const from = shapeOf(graph, node.inputs[0]!);
  const larger = tensorsBefore(graph, node).find((name) => {
    const shape = graph.shapes.get(name);
    const crops = [2, 3].map((axis) => (shape?.[axis] ?? 0) - to[axis]!);
    return shape?.length === 4 && crops.every((crop) => crop >= 0 && crop <= MOST_CROPPED);
  });
  if (larger === undefined) {
    throw new ConvertError(
      `${describe(node)}: ${from[3]}x${from[2]} to ${to[3]}x${to[2]} is no common factor, and no tensor has that size`,
    );
  }
  const [, channels, height, width] = shapeOf(graph, larger);
  const output = `${node.outputs[0]}#size`;
  shapes.set(output, [1, channels!, to[2]!, to[3]!]);
  const pads = [0, 0, height! - to[2]!, width! - to[3]!];
  const attributes = { block: [1, 1], mode: CHANNEL_FASTER, pads };
  return { name: node.name, type: "depthToSpace", inputs: [larger], outputs: [output], attributes };
}

/** Whole factors: channels repeated, and laid out as blocks; shifted, with the edge around it, and cropped. */
function shifted(
  node: Node,
  [, channels, height, width]: readonly number[],
  { factors, shifts }: Pick<Extract<Picks, { kind: "shifted" }>, "factors" | "shifts">,
  { shapes }: Made,
): Node[] {
  const [repeatedName, paddedName] = [`${node.outputs[0]}#repeated`, `${node.outputs[0]}#padded`];
  const before = shifts.map((shift) => Number(shift < 0));
  const after = shifts.map((shift) => Number(shift > 0));
  const sides = [...before, ...after];
  const isPadded = sides.includes(1);
  const [rows, columns] = [height! + before[0]! + after[0]!, width! + before[1]! + after[1]!];
  const indices = Array.from({ length: channels! * factors[0] * factors[1] }, (_, i) => i % channels!);
  shapes.set(paddedName, [1, channels!, rows, columns]);
  shapes.set(repeatedName, [1, indices.length, rows, columns]);
  const first = factors.map((factor, i) => shifts[i]! + factor * before[i]!);
  const last = factors.map((factor, i) => factor * after[i]! - shifts[i]!);
  const { name } = node;
  const input = node.inputs[0]!;
  const edge = { pads: sides, value: 0, mode: "edge" };
  const blocks = { block: factors, mode: CHANNEL_FASTER, pads: [...first, ...last] };
  const source = isPadded ? paddedName : input;
  return [
    ...(isPadded ? [{ name, type: "Pad", inputs: [input], outputs: [paddedName], attributes: edge }] : []),
    { name, type: "select", inputs: [source], outputs: [repeatedName], attributes: { indices } },
    { name, type: "depthToSpace", inputs: [repeatedName], outputs: node.outputs, attributes: blocks },
  ];
}

/** Every so many rows and columns: the first ones cropped, and a convolution of ones that picks. */
function stepped(
  node: Node,
  [, channels, height, width]: readonly number[],
  { steps, firsts }: Extract<Picks, { kind: "stepped" }>,
  { shapes, constants }: Made,
): Node[] {
  const { name } = node;
  const [croppedName, ones] = [`${node.outputs[0]}#cropped`, `${node.outputs[0]}#ones`];
  shapes.set(croppedName, [1, channels!, height! - firsts[0], width! - firsts[1]]);
  const values = new Float64Array(channels!).fill(1);
  constants.set(ones, { dims: [channels!, 1, 1, 1], type: FLOAT, values });
  const crop = { block: [1, 1], mode: CHANNEL_FASTER, pads: [...firsts, 0, 0] };
  const picks = { ...pointAttributes(channels!), strides: steps, selects: 1 };
  return [
    {
      name,
      type: "depthToSpace",
      inputs: [node.inputs[0]!],
      outputs: [croppedName],
      attributes: crop,
    },
    { name, type: "conv", inputs: [croppedName, ones], outputs: node.outputs, attributes: picks },
  ];
}

/**
 * A tensor of the size of the node's output that is known before it: what the output is later joined with, else
 * the closest one that the node's input was made from, else any.
 */
function sameSize(graph: Graph, node: Node, isWanted: boolean): string | undefined {
  return isWanted ? sizedLike(graph, node, node.inputs[0]!, shapeOf(graph, node.outputs[0]!)) : undefined;
}

/** See `sameSize`; for a node that brings `input` to the size `requested`. */
export function sizedLike(
  graph: Graph,
  node: Node,
  input: string,
  requested: readonly number[],
): string | undefined {
  const output = node.outputs[0]!;
  const before = tensorsBefore(graph, node);
  const isKnown = new Set(before);
  const fits = (name: string): boolean => {
    const shape = isKnown.has(name) ? graph.shapes.get(name) : undefined;
    return name !== input && shape?.length === 4 && shape[2] === requested[2] && shape[3] === requested[3];
  };
  const siblings = (readers(graph).get(output) ?? []).flatMap((reader) => reader?.inputs ?? []);
  return siblings.find(fits) ?? madeFrom(graph, node).find(fits) ?? before.find(fits);
}

/** Tensors that are known before a node, last ones first, the graph's input at the end. */
function tensorsBefore(graph: Graph, node: Node): string[] {
  const index = graph.nodes.findIndex(({ outputs }) => outputs[0] === node.outputs[0]);
  return [graph.input, ...graph.nodes.slice(0, index).flatMap((other) => other.outputs)].reverse();
}

/** Tensors that a node's input was made from, closest first. */
function madeFrom(graph: Graph, node: Node): string[] {
  const producer = producers(graph);
  const list = [node.inputs[0]!];
  const seen = new Set(list);
  for (const name of list) {
    for (const input of producer.get(name)?.inputs ?? []) {
      if (!seen.has(input)) list.push(input);
      seen.add(input);
    }
  }
  return list;
}

/** n / m in lowest terms, where both axes share it. */
function commonFraction(
  from: readonly [number, number],
  to: readonly [number, number],
): [number, number] | undefined {
  if (from[0] * to[1] !== from[1] * to[0]) return undefined;
  const divisor = greatestDivisor(from[0], to[0]);
  return [to[0] / divisor, from[0] / divisor];
}

export function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
