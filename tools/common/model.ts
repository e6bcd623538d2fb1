/** Model files for commands: errors name the file and the option at fault. */
import { type LoadOptions, ModelError, Segmenter } from "../../src/index.js";
import { parseModel } from "../../src/model.js";
import type { Model } from "../../src/ops.js";
import { type Plan, plan } from "../../src/plan.js";
import { isExpected, messageOf, UsageError, UserError } from "./errors.js";
import { nameOf, readBytes } from "./files.js";

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
    throw new UserError(`${nameOf(path)}: ${messageOf(error)}`);
  }
}

/**
 * Loads a model file to segment with; "-" is standard input.
 *
 * @param bytes of the file, where they have been read before
 * @throws UserError that names the file, UsageError if the network cannot take the size of `--size`, EnvironmentError if
 *   this machine cannot run the variant
 */
export async function loadSegmenter(
  path: string,
  options: LoadOptions = {},
  bytes: Uint8Array = readBytes(path),
): Promise<Segmenter> {
  try {
    return await Segmenter.load(bytes, options);
  } catch (error) {
    if (error instanceof RangeError && options.width !== undefined) {
      throw new UsageError(`--size ${options.width}x${options.height}: ${messageOf(error)}`);
    }
    if (!(error instanceof ModelError)) throw error;
    throw new UserError(`${nameOf(path)}: ${messageOf(error)}`);
  }
}

/**
 * Plans a model's memory for the input size of `--size`, or the model's own.
 *
 * @param make the plan, where it is not that of the library
 * @throws UsageError if the network cannot take this size
 */
export function planFor(
  model: Model,
  size: { width: number; height: number } | undefined,
  make: (model: Model, height: number, width: number) => Plan = plan,
): Plan {
  const { width, height } = size ?? model;
  try {
    return make(model, height, width);
  } catch (error) {
    if (!(error instanceof RangeError) && !isExpected(error)) throw error;
    throw new UsageError(`--size ${width}x${height}: ${messageOf(error)}`);
  }
}
