/**
 * The one rounding rule:
 *   requantize(value, multiplier) = clamp(round(f32(value) * multiplier) + zero)
 *
 * round is to nearest, ties to even; clamp keeps within the output's min and max; every step is rounded to binary32.
 */
import type { Op, Tensor } from "../../src/ops.js";

/**
 * @param value sum at the scale of the operands, int32
 * @param multiplier binary32, scale of the operands / scale of the output
 * @returns the value as the output tensor holds it, output.min..output.max
 */
export function requantize(value: number, multiplier: number, output: Tensor): number {
  return clamp(roundHalfToEven(Math.fround(Math.fround(value) * multiplier)) + output.zero, output);
}

/**
 * A result of a convolution from the sum of an output channel: requantized or, where the operation has a table, the table's
 * entry at the sum in -512..511 of the table's scale.
 */
export function finished(sum: number, channel: number, op: Op, input: Tensor, output: Tensor): number {
  const factor = product(input.scale, op.scales[channel]!);
  if (op.table.length === 0) return requantize(sum, ratio(factor, output.scale), output);
  const entries = { channels: 1, scale: op.scales[output.channels]!, zero: 0, min: -512, max: 511 };
  return op.table[requantize(sum, ratio(factor, entries.scale), entries) + 512]!;
}

/** The nearest integer; of two equally near ones the even. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest < 0.5) return below;
  if (rest > 0.5) return below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** `value` kept within what the tensor can hold. */
export function clamp(value: number, tensor: Tensor): number {
  return Math.min(Math.max(value, tensor.min), tensor.max);
}

/** numerator / denominator in binary32. */
export function ratio(numerator: number, denominator: number): number {
  return Math.fround(Math.fround(numerator) / Math.fround(denominator));
}

/** first * second in binary32. */
export function product(first: number, second: number): number {
  return Math.fround(Math.fround(first) * Math.fround(second));
}
