/** A conversion judged by onnxruntime, which runs the file's own float graph. */
import { expect } from "vitest";
import { kindOf } from "../../../src/ops.js";
import { type Comparison, compare } from "../../../tools/compare/index.js";
import { type Converted, type ConvertOptions, convert } from "../../../tools/convert/index.js";
import { pictures } from "./onnx-builder.js";

export interface Judged extends Converted {
  readonly comparison: Comparison;
  /** Names of the operations between `input` and `argmax`. */
  readonly operations: readonly string[];
}

/**
 * Converts a float model, runs the result in the reference and compares every tensor with onnxruntime.
 *
 * @param least correlation that every tensor must reach
 */
export async function judge(bytes: Uint8Array, least = 0.99, options: ConvertOptions = {}): Promise<Judged> {
  const { width, height } = options.size ?? { width: 48, height: 32 };
  const converted = await convert(bytes, {
    calibration: pictures(3, width, height),
    activationBits: 8,
    method: "min-max",
    ...options,
  });
  const { mean, std } = options;
  const normalisation = { ...(mean && { mean }), ...(std && { std }) };
  const comparison = await compare(bytes, converted.model, pictures(2, width, height, 8), normalisation);
  for (const { name, operation, correlation } of comparison.tensors) {
    expect(correlation, `${operation} "${name}"`).toBeGreaterThan(least);
  }
  expect(comparison.tensors.at(-1)?.name).toBe(scoreName(converted));
  const operations = converted.model.ops.slice(1, -1).map((op) => kindOf(op).name);
  return { ...converted, comparison, operations };
}

function scoreName({ model }: Converted): string {
  return model.card.tensors![model.ops.at(-1)!.inputs[0]!]!;
}
