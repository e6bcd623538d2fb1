import { BILINEAR, BILINEAR_ALIGNED, NEAREST } from "../../../src/format.js";
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
import { constantInput } from "../onnx/shapes.js";

/** Resize and Upsample as `resize`: a mode, and a fraction or a second tensor that gives the size. */
export function resize(graph: Graph): Graph {
  const nodes = graph.nodes.map((node) =>
    node.type === "Resize" || node.type === "Upsample" ? lowered(graph, node) : node,
  );
  return prune({ ...graph, nodes });
}

function lowered(graph: Graph, node: Node): Node {
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
  const isBySize = (constantInput(graph, node, node.type === "Upsample" ? 1 : 2) ?? []).length === 0;
  const isPoint = isBySize && from[2] === 1 && from[3] === 1;
  const given = isInteger && !isPoint && like === graph.input ? undefined : like;
  const same = given ?? sameSize(graph, node, isPoint || !fraction);
  if (same !== undefined) return { ...base, inputs: [input, same], attributes: { mode } };
  if (!fraction) {
    const size = `${from[3]}x${from[2]} to ${to[3]}x${to[2]}`;
    throw new ConvertError(`${describe(node)}: ${size} is no common factor and the size of no other tensor`);
  }
  return { ...base, inputs: [input], attributes: { mode, numerator: fraction[0], denominator: fraction[1] } };
}

/**
 * A tensor of the size of the node's output that is known before it: what the output is later joined with, else
 * the closest one that the node's input was made from, else any.
 */
function sameSize(graph: Graph, node: Node, isWanted: boolean): string | undefined {
  if (!isWanted) return undefined;
  const output = node.outputs[0]!;
  const wish = shapeOf(graph, output);
  const before = graph.nodes.slice(0, graph.nodes.indexOf(node)).flatMap((other) => other.outputs);
  const isKnown = new Set(before);
  const fits = (name: string): boolean => {
    const shape = isKnown.has(name) ? graph.shapes.get(name) : undefined;
    return name !== node.inputs[0] && shape?.length === 4 && shape[2] === wish[2] && shape[3] === wish[3];
  };
  const siblings = (readers(graph).get(output) ?? []).flatMap((reader) => reader?.inputs ?? []);
  return siblings.find(fits) ?? madeFrom(graph, node).find(fits) ?? before.reverse().find(fits);
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
  const isUpsample = node.type === "Upsample";
  const transform = isUpsample
    ? "asymmetric"
    : stringOf(node, "coordinate_transformation_mode", "half_pixel");
  const rounding = isUpsample ? "floor" : stringOf(node, "nearest_mode", "round_prefer_floor");
  const scales = constantInput(graph, node, isUpsample ? 1 : 2) ?? [];
  const round = NEAREST_ROUNDING[rounding];
  const modes = kind === "nearest" ? [NEAREST] : kind === "linear" ? [BILINEAR, BILINEAR_ALIGNED] : [];
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
    throw new ConvertError(
      `${describe(node)}: mode "${kind}" with positions "${transform}" is not supported; supported are nearest ` +
        "(asymmetric, floor) and linear (half_pixel, align_corners)",
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
  if (mode === BILINEAR_ALIGNED) return n === 1 ? 0 : (i * (m - 1)) / (n - 1);
  return Math.min(Math.max(((2 * i + 1) * m - n) / (2 * n), 0), m - 1);
}
