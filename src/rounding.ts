/**
 * The f32 numbers by which kernels rescale, and whether their results are safe for the fast form of the rounding rule
 * (assembly/requantize.ts). Every step is rounded to binary32, as in src/format.md.
 */
import * as format from "./format.js";
import { kindOf, type Model, type Op } from "./ops.js";

/** Results of smaller magnitude, before they are rounded, are safe. */
const FAST_MAGNITUDE = 2 ** 23;
const MAX_PRODUCT = 2 ** 14;

/** (first * second) / output of three scales. */
export function multiplierOf(first: number, second: number, output: number): number {
  return Math.fround(Math.fround(first * second) / output);
}

/**
 * Multipliers of the output channels of a convolution: input scale * weight scale / output scale, or that of what its
 * table takes.
 */
export function channelMultipliers({ inputs, output, scales }: Op, { tensors }: Model): number[] {
  const { channels, scale } = tensors[output]!;
  const weights = Array.from(scales.subarray(0, channels));
  return weights.map((one) => multiplierOf(tensors[inputs[0]!]!.scale, one, scales[channels] ?? scale));
}

/** Multiplier of each input of an operation that is no convolution. */
export function inputMultipliers(op: Op, { tensors }: Model): number[] {
  const output = tensors[op.output]!;
  const inputs = op.inputs.map((id) => tensors[id]!);
  const [first, second] = inputs;
  const scales = inputs.map(({ scale }) => Math.fround(scale / output.scale));
  if (op.code === format.GATE) scales[0] = multiplierOf(first!.scale, op.scales[0]!, output.scale);
  if (op.code === format.MULTIPLY) scales[0] = multiplierOf(first!.scale, second!.scale, output.scale);
  return scales;
}

/** What `add` adds to both products: the zero points of all three tensors. */
export function addConstant(op: Op, model: Model): number {
  const [m0, m1] = inputMultipliers(op, model);
  const [z0, z1] = op.inputs.map((id) => model.tensors[id]!.zero);
  const zeros = Math.fround(Math.fround(m0! * z0!) + Math.fround(m1! * z1!));
  return Math.fround(model.tensors[op.output]!.zero - zeros);
}

/** Whether every result of an operation, before it is rounded, is small enough for fast rounding. */
export function roundsFast(op: Op, model: Model): boolean {
  return largestResult(op, model) < FAST_MAGNITUDE;
}

/** A bound of the magnitude of what an operation rounds; infinite where the fast form is never used. */
function largestResult(op: Op, model: Model): number {
  const taps = kindOf(op).taps?.(op.attributes, model.tensors[op.inputs[0]!]!.channels);
  if (taps !== undefined) {
    const bounds = channelMultipliers(op, model).map((multiplier, channel) => {
      return (Math.abs(op.bias[channel]!) + taps * MAX_PRODUCT) * multiplier;
    });
    return bounds.reduce((largest, bound) => Math.max(largest, bound), 0);
  }
  const multipliers = inputMultipliers(op, model);
  const [first, second] = multipliers;
  switch (op.code) {
    case format.ADD:
      return Math.abs(addConstant(op, model)) + 128 * (first! + second!);
    case format.MULTIPLY:
      return 255 ** 2 * first!;
    case format.GATE:
      return 2 ** 23 * first!;
    case format.RESIZE:
      return 256 * first!;
    case format.CONCAT:
      return 255 * Math.max(...multipliers);
    case format.PRELU:
      return 255 * Math.max(first!, ...channelMultipliers(op, model).map(Math.abs));
    default:
      return Number.POSITIVE_INFINITY;
  }
}
