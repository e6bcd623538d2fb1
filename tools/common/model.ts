/** Model files for commands: errors name the file and the option at fault. */
import { type Model, parseModel } from "../../src/model.js";
import { type Plan, plan } from "../../src/plan.js";
import { isExpected, messageOf, UsageError, UserError } from "./errors.js";
import { readBytes, STANDARD } from "./files.js";

/**
 * Reads and validates a model file; "-" is standard input.
 *
 * @throws UserError that names the file
 */
export function readModel(path: string): { model: Model; bytes: Uint8Array } {
  const bytes = readBytes(path);
  try {
    return { model: parseModel(bytes), bytes };
  } catch (error) {
    if (!isExpected(error)) throw error;
    throw new UserError(`${path === STANDARD ? "standard input" : path}: ${messageOf(error)}`);
  }
}

/**
 * Plans a model's memory for the input size of `--size`, or the model's own.
 *
 * @throws UsageError if the network cannot take this size
 */
export function planFor(model: Model, size: { width: number; height: number } | undefined): Plan {
  const { width, height } = size ?? model;
  try {
    return plan(model, height, width);
  } catch (error) {
    if (!(error instanceof RangeError) && !isExpected(error)) throw error;
    throw new UsageError(`--size ${width}x${height}: ${messageOf(error)}`);
  }
}
