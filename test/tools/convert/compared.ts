/** A conversion compared with onnxruntime, which runs the file's own float graph. */
import { expect } from "vitest";
import { ACTIVATION_ENTRIES } from "../../../src/format.js";
import { kindOf } from "../../../src/ops.js";
import { type Comparison, compare } from "../../../tools/compare/index.js";
import { type Converted, type ConvertOptions, convert } from "../../../tools/convert/index.js";
import { images } from "./onnx-builder.js";

export interface Compared extends Converted {
  readonly comparison: Comparison;
  /** Names of the operations between `input` and `argmax`, and of the activations that convolutions compute besides. */
  readonly operations: readonly string[];
}

/**
 * Converts a float model, runs the result in the reference and compares every tensor with onnxruntime.
 *
 * @param least correlation that every tensor must reach
 */
export async function convertAndCompare(
  bytes: Uint8Array,
  least = 0.99,
  options: ConvertOptions = {},
): Promise<Compared> {
  const { width, height } = options.size ?? { width: 48, height: 32 };
  const converted = await convert(bytes, {
    calibration: images(3, width, height),
    activationBits: 8,
    method: "min-max",
    ...options,
  });
  const { mean, std } = options;
  const normalization = { ...(mean && { mean }), ...(std && { std }) };
  const comparison = await compare(bytes, converted.model, images(2, width, height, 8), normalization);
  for (const { name, operation, correlation } of comparison.tensors) {
    expect(correlation, `${operation} "${name}"`).toBeGreaterThan(least);
  }
  expect(comparison.tensors.at(-1)?.name).toBe(logitsName(converted));
  const operations = converted.model.ops.slice(1, -1).flatMap((op) => {
    return op.table.length === ACTIVATION_ENTRIES ? [kindOf(op).name, "activation"] : [kindOf(op).name];
  });
  return { ...converted, comparison, operations };
}

function logitsName({ model }: Converted): string {
  return model.metadata.tensors![model.ops.at(-1)!.inputs[0]!]!;
}
