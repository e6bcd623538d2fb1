import {
  BILINEAR,
  BILINEAR_ALIGNED,
  BILINEAR_ASYMMETRIC,
  CHANNEL_FASTER,
  NEAREST,
} from "../../../src/format.js";
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
import { constantInput } from "../onnx/inputs.js";

/** Resize as `resize`: a mode, and a fraction or a second tensor that gives the size; and what is to be spread. */
export function resize(graph: Graph): Graph {
  const shapes = new Map(graph.shapes);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.type === "Resize") return lowered(graph, node, shapes);
    return [node.type === "expand" ? spread(graph, node) : node];
  });
  return prune({ ...graph, nodes, shapes });
}

/** One row, column or pixel repeated. */
function spread(graph: Graph, node: Node): Node {
  const like = sizedLike(graph, node, node.inputs[0]!, shapeOf(graph, node.outputs[0]!));
  if (like === undefined) {
    throw new ConvertError(`${describe(node)}: there is no tensor of the size that it is to be spread to`);
  }
  return { ...node, type: "resize", inputs: [node.inputs[0]!, like], attributes: { mode: NEAREST } };
}

function lowered(graph: Graph, node: Node, shapes: Map<string, readonly number[]>): Node[] {
  const [input, like] = [node.inputs[0]!, node.inputs[4]];
  const [from, to] = [shapeOf(graph, input), shapeOf(graph, node.outputs[0]!)];
  if (from[0] !== to[0] || from[1] !== to[1])
    throw new ConvertError(`${describe(node)}: it changes the channels`);
  if (numberOf(node, "antialias", 0) !== 0 && (to[2]! < from[2]! || to[3]! < from[3]!)) {
    throw new ConvertError(`${describe(node)}: antialiased shrinking is not supported`);
  }
  const mode = modeOf(graph, node, from, to);
  const base = { ...node, type: "resize" };
  const fraction = commonFraction([from[2]!, from[3]!], [to[2]!, to[3]!]);
  const isInteger = fraction?.[1] === 1;
  const isPoint = from[2] === 1 && from[3] === 1;
  const given = isInteger && !isPoint && like === graph.input ? undefined : like;
  const same = given ?? sameSize(graph, node, isPoint || !fraction);
  if (same !== undefined) return [{ ...base, inputs: [input, same], attributes: { mode } }];
  const block = [to[2]! / from[2]!, to[3]! / from[3]!] as const;
  if (!fraction && mode === NEAREST && block.every(Number.isInteger)) {
    return repeated(node, input, from, block, shapes);
  }
  if (!fraction) {
    const size = `${from[3]}x${from[2]} to ${to[3]}x${to[2]}`;
    throw new ConvertError(`${describe(node)}: ${size} is no common factor and the size of no other tensor`);
  }
  return [
    { ...base, inputs: [input], attributes: { mode, numerator: fraction[0], denominator: fraction[1] } },
  ];
}

/** Whole factors that differ: channels repeated, and laid out as blocks. */
function repeated(
  node: Node,
  input: string,
  [, channels, height, width]: readonly number[],
  block: readonly [number, number],
  shapes: Map<string, readonly number[]>,
): Node[] {
  const output = `${node.outputs[0]}#repeated`;
  const indices = Array.from({ length: channels! * block[0] * block[1] }, (_, i) => i % channels!);
  shapes.set(output, [1, indices.length, height!, width!]);
  const base = { name: node.name, attributes: { block, mode: CHANNEL_FASTER, pads: [0, 0, 0, 0] } };
  return [
    { ...base, type: "select", inputs: [input], outputs: [output], attributes: { indices } },
    { ...base, type: "depthToSpace", inputs: [output], outputs: node.outputs },
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
  const index = graph.nodes.findIndex(({ outputs }) => outputs[0] === output);
  const before = graph.nodes.slice(0, index).flatMap((other) => other.outputs);
  const isKnown = new Set([...before, graph.input]);
  const fits = (name: string): boolean => {
    const shape = isKnown.has(name) ? graph.shapes.get(name) : undefined;
    return name !== input && shape?.length === 4 && shape[2] === requested[2] && shape[3] === requested[3];
  };
  const siblings = (readers(graph).get(output) ?? []).flatMap((reader) => reader?.inputs ?? []);
  return (
    siblings.find(fits) ??
    madeFrom(graph, node).find(fits) ??
    before.reverse().find(fits) ??
    [graph.input].find(fits)
  );
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

const NEAREST_ROUNDING: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The mode of the model file whose positions are those of the node, checked at every index of both axes. */
function modeOf(graph: Graph, node: Node, from: readonly number[], to: readonly number[]): number {
  const kind = stringOf(node, "mode", "nearest");
  const transform = stringOf(node, "coordinate_transformation_mode", "half_pixel");
  const rounding = stringOf(node, "nearest_mode", "round_prefer_floor");
  if (kind === "cubic")
    throw new ConvertError(`${describe(node)}: cubic is not supported; use linear or nearest`);
  const scales = constantInput(graph, node, 2) ?? [];
  const round = NEAREST_ROUNDING[rounding];
  const modes = kind === "nearest" ? [NEAREST] : [BILINEAR, BILINEAR_ALIGNED, BILINEAR_ASYMMETRIC];
  const mode = modes.find((candidate) =>
    [2, 3].every((axis) => {
      const [m, n] = [from[axis]!, to[axis]!];
      const scale = scales.length > 0 ? scales[scales.length - 4 + axis]! : n / m;
      for (let i = 0; i < n; i++) {
        const wanted = onnxPosition(transform, i, m, n, scale);
        if (wanted === undefined) return false;
        const clamped = Math.min(Math.max(wanted, 0), m - 1);
        if (candidate === NEAREST) {
          const picked = Math.min(Math.max(round?.(wanted) ?? -1, 0), m - 1);
          if (picked !== Math.floor((i * m) / n)) return false;
        } else if (Math.abs(clamped - position(candidate, i, m, n)) > 1 / 1024) return false;
      }
      return true;
    }),
  );
  if (mode === undefined) {
    const shares = [2, 3].map((axis) => scales.at(axis - 4) ?? to[axis]! / from[axis]!);
    throw new ConvertError(
      `${describe(node)}: mode "${kind}" with positions "${transform}"${kind === "nearest" ? `, rounded by "${rounding}",` : ""} ` +
        `and factors ${shares.join(", ")} reads other pixels than any mode of the model file; supported are nearest ` +
        "(asymmetric, floor) and linear (half_pixel, align_corners, asymmetric), with sizes that are exact multiples " +
        "of the factors",
    );
  }
  return mode;
}

function onnxPosition(transform: string, i: number, m: number, n: number, scale: number): number | undefined {
  if (transform === "half_pixel") return (i + 0.5) / scale - 0.5;
  if (transform === "pytorch_half_pixel") return n > 1 ? (i + 0.5) / scale - 0.5 : 0;
  if (transform === "asymmetric") return i / scale;
  if (transform === "align_corners") return n > 1 ? (i * (m - 1)) / (n - 1) : 0;
  return undefined;
}

function position(mode: number, i: number, m: number, n: number): number {
  if (mode === BILINEAR_ASYMMETRIC) return Math.min((i * m) / n, m - 1);
  if (mode === BILINEAR_ALIGNED) return n === 1 ? 0 : (i * (m - 1)) / (n - 1);
  return Math.min(Math.max(((2 * i + 1) * m - n) / (2 * n), 0), m - 1);
}
