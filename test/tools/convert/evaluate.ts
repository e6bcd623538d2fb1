/** A lowered graph in floating point: what the passes made of a file, before anything is quantized. */
import {
  BILINEAR,
  BILINEAR_ALIGNED,
  CHANNEL_FASTER,
  COUNT_INSIDE,
  NEAREST,
  OVER_PLANE,
  PAD_EDGE,
  PAD_REFLECT,
} from "../../../src/format.js";
import { computeAll } from "../../../tools/convert/expression.js";
import { type Graph, type Node, numberOf, shapeOf } from "../../../tools/convert/graph.js";

/** [channels, height, width] */
interface Planes {
  readonly shape: readonly [number, number, number];
  readonly data: Float32Array;
}

type Numbers = readonly number[];

/**
 * Runs a lowered graph.
 *
 * @param image what the graph's input holds, [channels, height, width]
 * @returns the output, [channels, height, width]
 */
export function evaluate(graph: Graph, image: Float32Array): Planes {
  const tensors = new Map<string, Planes>();
  const [, ...size] = shapeOf(graph, graph.input) as [number, number, number, number];
  tensors.set(graph.input, { shape: size, data: image });
  const left = new Map<string, number>();
  for (const { inputs } of graph.nodes) {
    for (const name of inputs) left.set(name, (left.get(name) ?? 0) + 1);
  }
  for (const node of graph.nodes) {
    const [, ...shape] = shapeOf(graph, node.outputs[0]!) as [number, number, number, number];
    const inputs = node.inputs.flatMap((name) => tensors.get(name) ?? []);
    const data = new Float32Array(shape[0] * shape[1] * shape[2]);
    run(graph, node, inputs, { shape, data });
    if (node.clamp) {
      const { min, max } = node.clamp;
      data.forEach((value, at) => {
        data[at] = Math.min(Math.max(value, min), max);
      });
    }
    tensors.set(node.outputs[0]!, { shape, data });
    for (const name of node.inputs) {
      left.set(name, left.get(name)! - 1);
      if (left.get(name) === 0 && name !== graph.output) tensors.delete(name);
    }
  }
  return tensors.get(graph.output)!;
}

/** The value of an output at a channel, row and column; `at` is where it lies. */
type Value = (channel: number, row: number, column: number, at: number) => number;

function run(graph: Graph, node: Node, inputs: readonly Planes[], output: Planes): void {
  const [first, second] = inputs as [Planes, Planes];
  const { data } = output;
  if (node.type === "conv") convolve(graph, node, first, output);
  else if (node.type === "maxPool" || node.type === "averagePool") pool(node, first, output);
  else if (node.type === "groupNorm") normalize(node, first, data, size(output));
  else if (node.type === "resize") resize(numberOf(node, "mode", 0), first, output);
  else if (node.type === "maxUnpool") unpool(node, first, second, output);
  else if (node.type === "concat") {
    let at = 0;
    for (const input of inputs) {
      data.set(input.data, at);
      at += input.data.length;
    }
  } else {
    const value = pointwise(graph, node, first, second);
    const [channels, height, width] = output.shape;
    let at = 0;
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++, at++) data[at] = value(c, y, x, at);
    }
  }
}

function pointwise(graph: Graph, node: Node, a: Planes, b: Planes): Value {
  const read = ({ shape, data }: Planes, c: number, y: number, x: number): number =>
    data[(c * shape[1] + y) * shape[2] + x]!;
  /** Of a second input of one pixel, that one. */
  const second: Value = (c, y, x) => (size(b) === 1 ? b.data[c]! : read(b, c, y, x));
  const planeOf = (c: number): Float32Array => a.data.subarray(c * size(a), (c + 1) * size(a));
  switch (node.type) {
    case "globalAveragePool":
      return (c) => sum(planeOf(c)) / size(a);
    case "reduceMax":
      if (numberOf(node, "mode", 0) === OVER_PLANE) return (c) => planeOf(c).reduce((x, y) => Math.max(x, y));
      return (_, y, x) => Math.max(...Array.from({ length: a.shape[0] }, (_, c) => read(a, c, y, x)));
    case "function": {
      const values = computeAll(node.expression!, a.data);
      return (_c, _y, _x, at) => values[at]!;
    }
    case "gate": {
      const factor = numberOf(node, "factor", 1);
      const gate = { ...b, data: computeAll(node.expression!, b.data) };
      return (c, y, x, at) => a.data[at]! * read(gate, c, Math.floor(y / factor), Math.floor(x / factor));
    }
    case "add":
      return (c, y, x, at) => a.data[at]! + second(c, y, x, at);
    case "multiply":
      return (c, y, x, at) => a.data[at]! * second(c, y, x, at);
    case "pad": {
      const [top, left] = node.attributes.pads as [number, number];
      const mode = numberOf(node, "mode", 0);
      return (c, y, x) => {
        const row = inside(y - top, a.shape[1], mode);
        const column = inside(x - left, a.shape[2], mode);
        const isOutside = row === undefined || column === undefined;
        return isOutside ? numberOf(node, "value", 0) : read(a, c, row, column);
      };
    }
    case "depthToSpace": {
      const [down, across] = node.attributes.block as [number, number];
      const [top, left] = node.attributes.pads as [number, number];
      const isFast = numberOf(node, "mode", 0) === CHANNEL_FASTER;
      const own = a.shape[0] / (down * across);
      return (c, y, x) => {
        const [row, column] = [y + top, x + left];
        const place = (row % down) * across + (column % across);
        const channel = isFast ? place * own + c : c * down * across + place;
        return read(a, channel, Math.floor(row / down), Math.floor(column / across));
      };
    }
    case "prelu": {
      const slopes = graph.constants.get(node.inputs[1]!)!.values;
      return (c, _y, _x, at) => (a.data[at]! < 0 ? slopes[c]! : 1) * a.data[at]!;
    }
    default:
      throw new Error(node.type);
  }
}

function convolve(graph: Graph, node: Node, input: Planes, output: Planes): void {
  const { kernel, strides, dilations, pads } = node.attributes as Record<string, Numbers>;
  const weights = graph.constants.get(node.inputs[1]!)!.values;
  const bias = graph.constants.get(node.inputs[2] ?? "")?.values;
  const [channels, height, width] = output.shape;
  const { data } = input;
  const own = input.shape[0] / numberOf(node, "group", 1);
  const perGroup = channels / numberOf(node, "group", 1);
  let tap = 0;
  for (let o = 0; o < channels; o++) {
    const plane = output.data.subarray(o * height * width, (o + 1) * height * width);
    plane.fill(bias?.[o] ?? 0);
    const group = Math.floor(o / perGroup) * own;
    for (let i = group; i < group + own; i++) {
      for (let ky = 0; ky < kernel![0]!; ky++) {
        for (let kx = 0; kx < kernel![1]!; kx++) {
          const weight = weights[tap++]!;
          if (weight === 0) continue;
          const shift = kx * dilations![1]! - pads![1]!;
          const step = strides![1]!;
          const first = Math.max(0, Math.ceil(-shift / step));
          const end = Math.min(width, Math.ceil((input.shape[2] - shift) / step));
          for (let y = 0; y < height; y++) {
            const row = y * strides![0]! + ky * dilations![0]! - pads![0]!;
            if (row < 0 || row >= input.shape[1]) continue;
            const from = (i * input.shape[1] + row) * input.shape[2] + shift;
            for (let x = first; x < end; x++) plane[y * width + x]! += weight * data[from + x * step]!;
          }
        }
      }
    }
  }
}

function pool(node: Node, input: Planes, { shape: [channels, height, width], data }: Planes): void {
  const { kernel, strides, dilations, pads } = node.attributes as Record<string, Numbers>;
  const isMax = node.type === "maxPool";
  const counts = numberOf(node, "mode", 0) !== COUNT_INSIDE;
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const values: number[] = [];
        for (let ky = 0; ky < kernel![0]!; ky++) {
          for (let kx = 0; kx < kernel![1]!; kx++) {
            const row = y * strides![0]! + ky * dilations![0]! - pads![0]!;
            const column = x * strides![1]! + kx * dilations![1]! - pads![1]!;
            const isInside = row >= 0 && row < input.shape[1] && column >= 0 && column < input.shape[2];
            if (isInside) values.push(input.data[(c * input.shape[1] + row) * input.shape[2] + column]!);
          }
        }
        const count = counts ? kernel![0]! * kernel![1]! : values.length;
        data[at++] = isMax ? Math.max(...values) : sum(values) / count;
      }
    }
  }
}

function normalize(node: Node, { shape, data: input }: Planes, data: Float32Array, plane: number): void {
  const own = shape[0] / numberOf(node, "groups", 1);
  const isPlane = numberOf(node, "mode", 0) === OVER_PLANE;
  const places = (group: number, pixel: number): number[] =>
    Array.from({ length: own }, (_, c) => (group * own + c) * plane).flatMap((start) =>
      isPlane ? Array.from({ length: plane }, (_, at) => start + at) : [start + pixel],
    );
  for (let group = 0; group < shape[0] / own; group++) {
    for (let pixel = 0; pixel < (isPlane ? 1 : plane); pixel++) {
      const all = places(group, pixel);
      const mean = sum(all.map((at) => input[at]!)) / all.length;
      const variance = sum(all.map((at) => (input[at]! - mean) ** 2)) / all.length;
      const deviation = Math.sqrt(variance + numberOf(node, "epsilon", 1e-5));
      for (const at of all) data[at] = (input[at]! - mean) / deviation;
    }
  }
}

function resize(mode: number, input: Planes, { shape: [channels, height, width], data }: Planes): void {
  const position = (i: number, m: number, n: number): number => {
    if (mode === NEAREST) return Math.floor((i * m) / n);
    if (mode === BILINEAR) return Math.min(Math.max(((i + 0.5) * m) / n - 0.5, 0), m - 1);
    if (mode === BILINEAR_ALIGNED) return n === 1 ? 0 : (i * (m - 1)) / (n - 1);
    return Math.min((i * m) / n, m - 1);
  };
  const [, rows, columns] = input.shape;
  let at = 0;
  for (let c = 0; c < channels; c++) {
    const plane = input.data.subarray(c * rows * columns, (c + 1) * rows * columns);
    for (let y = 0; y < height; y++) {
      const down = position(y, rows, height);
      const top = Math.floor(down);
      const bottom = Math.min(top + 1, rows - 1);
      for (let x = 0; x < width; x++) {
        const across = position(x, columns, width);
        const left = Math.floor(across);
        const right = Math.min(left + 1, columns - 1);
        const [v, u] = [down - top, across - left];
        const upper = (1 - u) * plane[top * columns + left]! + u * plane[top * columns + right]!;
        const lower = (1 - u) * plane[bottom * columns + left]! + u * plane[bottom * columns + right]!;
        data[at++] = (1 - v) * upper + v * lower;
      }
    }
  }
}

function unpool(node: Node, input: Planes, pooled: Planes, { shape, data }: Planes): void {
  const [down, across] = node.attributes.strides as [number, number];
  const [channels, rows, columns] = input.shape;
  for (let c = 0, at = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++, at++) {
        let largest = (c * shape[1] + y * down) * shape[2] + x * across;
        for (let row = y * down; row < (y + 1) * down; row++) {
          for (let column = x * across; column < (x + 1) * across; column++) {
            const other = (c * shape[1] + row) * shape[2] + column;
            if (pooled.data[other]! > pooled.data[largest]!) largest = other;
          }
        }
        data[largest] = input.data[at]!;
      }
    }
  }
}

/** The row or column that stands for one outside, or undefined where a value does. */
function inside(index: number, count: number, mode: number): number | undefined {
  if (index >= 0 && index < count) return index;
  if (mode === PAD_EDGE) return index < 0 ? 0 : count - 1;
  if (mode === PAD_REFLECT) return index < 0 ? -index : 2 * (count - 1) - index;
  return undefined;
}

function size({ shape }: Planes): number {
  return shape[1] * shape[2];
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
