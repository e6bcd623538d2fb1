/** Which pixels a Resize reads. */
import { BILINEAR, BILINEAR_ALIGNED, BILINEAR_ASYMMETRIC, NEAREST } from "../../../src/format.js";
import { type Graph, type Node, shapeOf, stringOf } from "../graph.js";
import { resizeScales } from "../onnx/inputs.js";

const NEAREST_ROUNDING: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Height and width: sizes of input and output, the factor as the node gives it, and the real position of each index. */
export interface ResizedAxis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  /** Undefined where a way to find positions is not known. */
  readonly positions: readonly (number | undefined)[];
}

/** Both axes of a Resize of four. */
export function resizedAxes(graph: Graph, node: Node): readonly [ResizedAxis, ResizedAxis] {
  const shape = shapeOf(graph, node.inputs[0]!);
  const to = shapeOf(graph, node.outputs[0]!);
  const scales = resizeScales(graph, node, shape);
  const transform = stringOf(node, "coordinate_transformation_mode", "half_pixel");
  const axis = (at: 2 | 3): ResizedAxis => {
    const [m, n] = [shape[at]!, to[at]!];
    const scale = scales?.[at] ?? n / m;
    const positions = Array.from({ length: n }, (_, i) => positionOf(transform, i, m, n, scale));
    return { from: m, to: n, scale, positions };
  };
  return [axis(2), axis(3)];
}

function positionOf(transform: string, i: number, m: number, n: number, scale: number): number | undefined {
  switch (transform) {
    case "half_pixel":
      return (i + 0.5) / scale - 0.5;
    case "pytorch_half_pixel":
      return n > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case "half_pixel_symmetric":
      return (m / 2) * (1 - n / (scale * m)) + (i + 0.5) / scale - 0.5;
    case "tf_half_pixel_for_nn":
      return (i + 0.5) / scale;
    case "asymmetric":
      return i / scale;
    case "align_corners":
      return n > 1 ? (i * (m - 1)) / (n - 1) : 0;
    default:
      return undefined;
  }
}

/** The mode of the model file whose positions are those of a linear Resize, if there is one. */
export function linearMode(axes: readonly ResizedAxis[]): number | undefined {
  const modes = [BILINEAR, BILINEAR_ALIGNED, BILINEAR_ASYMMETRIC];
  return modes.find((mode) =>
    axes.every(({ from, to, positions }) =>
      positions.every((wanted, i) => {
        if (wanted === undefined) return false;
        const clamped = Math.min(Math.max(wanted, 0), from - 1);
        return Math.abs(clamped - linearPosition(mode, i, from, to)) <= 1 / 1024;
      }),
    ),
  );
}

function linearPosition(mode: number, i: number, m: number, n: number): number {
  if (mode === BILINEAR_ASYMMETRIC) return Math.min((i * m) / n, m - 1);
  if (mode === BILINEAR_ALIGNED) return n === 1 ? 0 : (i * (m - 1)) / (n - 1);
  return Math.min(Math.max(((2 * i + 1) * m - n) / (2 * n), 0), m - 1);
}

/** How the pixels that a nearest Resize reads can be had. */
export type Picks =
  | { readonly kind: "mode"; readonly mode: number }
  /** Pixel floor((i + shift) / factor) on each axis, the edge repeated. */
  | { readonly kind: "shifted"; readonly factors: Pair; readonly shifts: Pair }
  /** Pixel i * step + first on each axis. */
  | { readonly kind: "stepped"; readonly steps: Pair; readonly firsts: Pair };

type Pair = readonly [number, number];

/** See `Picks`; undefined where there is no such way. */
export function nearestPicks(node: Node, axes: readonly [ResizedAxis, ResizedAxis]): Picks | undefined {
  const round = NEAREST_ROUNDING[stringOf(node, "nearest_mode", "round_prefer_floor")];
  const picks = axes.map(({ from, positions }) =>
    positions.map((at) => Math.min(Math.max(round?.(at ?? Number.NaN) ?? Number.NaN, 0), from - 1)),
  );
  const fits = (axis: number, pixel: (i: number) => number): boolean =>
    picks[axis]!.every((picked, i) => picked === Math.min(Math.max(pixel(i), 0), axes[axis]!.from - 1));
  if ([0, 1].every((a) => fits(a, (i) => Math.floor((i * axes[a]!.from) / axes[a]!.to)))) {
    return { kind: "mode", mode: NEAREST };
  }
  const found = [0, 1].map((a) => {
    const { from, to } = axes[a]!;
    const [factor, step] = [to / from, from / to];
    const shift = candidates(factor).find((s) => fits(a, (i) => Math.floor((i + s) / factor)));
    const first = candidates(step).find((f) => f >= 0 && fits(a, (i) => i * step + f));
    return { factor, step, shift, first };
  });
  const pair = (get: (of: (typeof found)[number]) => number | undefined): Pair | undefined => {
    const [a, b] = found.map(get);
    return a === undefined || b === undefined ? undefined : [a, b];
  };
  const [shifts, firsts] = [pair(({ shift }) => shift), pair(({ first }) => first)];
  if (shifts) return { kind: "shifted", factors: pair(({ factor }) => factor)!, shifts };
  if (firsts) return { kind: "stepped", steps: pair(({ step }) => step)!, firsts };
  return undefined;
}

/** Whole numbers nearer to 0 than a whole factor, 0 first; none for another factor. */
function candidates(factor: number): number[] {
  if (!Number.isInteger(factor)) return [];
  return Array.from({ length: 2 * factor - 1 }, (_, i) => (i % 2 === 1 ? (i + 1) / 2 : -i / 2));
}
