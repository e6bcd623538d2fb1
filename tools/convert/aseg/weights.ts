/** Weights and tables as the model file holds them. */

import { ConvertError } from "../errors.js";
import { computeAll, type Expression } from "../expression.js";
import { type Constant, describe, type Graph, type Node } from "../graph.js";
import { dequantize, type Quantization, quantize, roundHalfEven } from "../quantize/numbers.js";

/** Largest bias kept: leaves room for the sum of products in an int32. */
const LARGEST_BIAS = 2 ** 29;
const SMALLEST_SCALE = 2 ** -50;

export interface Filters {
  /** int8 [out][height][width][in / groups] */
  readonly weights: Int8Array;
  /** int32 [out], the input's zero point folded in */
  readonly bias: Int32Array;
  /** float32 [out] */
  readonly scales: Float32Array;
}

/** Weights of a `conv` node, symmetric for each output channel; those that the file holds as integers stay. */
export function filtersOf(
  graph: Graph,
  node: Node,
  input: Quantization,
  note: (text: string) => void,
): Filters {
  const weights = graph.constants.get(node.inputs[1]!)!;
  const biasConstant = node.inputs[2] ? graph.constants.get(node.inputs[2]) : undefined;
  const [outputs, channels, height, width] = weights.dims as [number, number, number, number];
  const perOutput = channels * height * width;
  if (!weights.values.every(Number.isFinite) || !(biasConstant?.values.every(Number.isFinite) ?? true)) {
    throw new ConvertError(`${describe(node)}: a weight is not a finite number`);
  }
  const biasValues = biasConstant?.values ?? new Float64Array(outputs);
  // A channel of zeros may come with a scale of nearly nothing.
  const scales =
    weights.quantized?.scales.map((scale) => Math.max(scale, SMALLEST_SCALE)) ??
    scalesOf(weights, biasValues, perOutput, input.scale);
  const result = new Int8Array(weights.values.length);
  const bias = new Int32Array(outputs);
  let clipped = 0;
  for (let o = 0; o < outputs; o++) {
    let sum = 0;
    for (let i = 0; i < channels; i++) {
      for (let tap = 0; tap < height * width; tap++) {
        const from = (o * channels + i) * height * width + tap;
        const integer = weights.quantized?.values[from] ?? roundHalfEven(weights.values[from]! / scales[o]!);
        if (integer < -127) clipped++;
        const value = Math.min(Math.max(integer, -127), 127);
        result[(o * height * width + tap) * channels + i] = value;
        sum += value;
      }
    }
    bias[o] = biasInteger(biasConstant, o, input.scale * scales[o]!) - input.zero * sum;
  }
  if (clipped > 0) note(`${describe(node)}: ${clipped} weights of -128 became -127`);
  return { weights: result, bias, scales };
}

/** Scale of each output channel: its largest weight is 127, unless the bias would then leave its range. */
function scalesOf(
  weights: Constant,
  bias: ArrayLike<number>,
  perOutput: number,
  inputScale: number,
): Float32Array {
  const scales = new Float32Array(weights.dims[0]!);
  for (let o = 0; o < scales.length; o++) {
    let largest = 0;
    for (let at = o * perOutput; at < (o + 1) * perOutput; at++) {
      largest = Math.max(largest, Math.abs(weights.values[at]!));
    }
    scales[o] = Math.max(largest / 127, Math.abs(bias[o]!) / inputScale / LARGEST_BIAS, SMALLEST_SCALE);
  }
  return scales;
}

function biasInteger(bias: Constant | undefined, o: number, scale: number): number {
  if (!bias) return 0;
  const { quantized } = bias;
  if (quantized && Math.abs(quantized.scales[o]! / scale - 1) < 1e-5) return quantized.values[o]!;
  return roundHalfEven(bias.values[o]! / scale);
}

/** The numbers that so many integers around 0 stand for, -128 to 127 of 256, clamped as the tensor is. */
function realsOf(quantization: Quantization, entries = 256): number[] {
  const { min, max } = quantization;
  return Array.from({ length: entries }, (_, at) => {
    return dequantize(Math.min(Math.max(at - entries / 2, min), max), quantization);
  });
}

/** Entries at q + 128 of 256, at q + 512 of 1024: the quantised value of a function of a quantised tensor. */
export function lookupTable(
  expression: Expression,
  input: Quantization,
  output: Quantization,
  entries?: number,
): Int8Array {
  return Int8Array.from(computeAll(expression, realsOf(input, entries)), (value) => quantize(value, output));
}

/** The table of a gate, int16 without zero point, and its scale. */
export function gateTable(expression: Expression, input: Quantization): { table: Int16Array; scale: number } {
  if (expression.kind === "input") {
    const table = Int16Array.from({ length: 256 }, (_, at) => at - 128 - input.zero);
    return { table, scale: input.scale };
  }
  const of = expression.kind === "quantize" ? expression.of : expression;
  const values = computeAll(of, realsOf(input));
  const output = expression.kind === "quantize" ? expression.quantization : eightBits(values);
  return {
    table: Int16Array.from(values, (value) => quantize(value, output) - output.zero),
    scale: output.scale,
  };
}

function eightBits(values: Float32Array): Quantization {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...finite), Math.max(0, ...finite)];
  const scale = Math.fround(Math.max((high - low) / 255, 2 ** -29));
  return { scale, zero: -128 + Math.round(-low / scale), min: -128, max: 127 };
}
