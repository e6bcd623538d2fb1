import { modelInfo } from "../../src/info.js";
import type { Model } from "../../src/ops.js";
import { plan } from "../../src/plan.js";
import { type Architecture, shapeModel } from "./architecture.js";
import { predict, type TimingTable } from "./timing.js";

/** What a network will cost, known before it is trained. */
export interface Cost {
  /** As `attendseg inspect` counts them on the converted file. */
  readonly parameters: number;
  readonly macs: number;
  readonly weightBytes: number;
  readonly arenaBytes: number;
  readonly memoryBytes: number;
  /** Predicted time of a frame, where there is a table of timings. */
  readonly milliseconds?: number;
}

/**
 * Cost of a network at one input size, pixels, multiples of 32.
 *
 * @throws RangeError for another size, ModelError if the operations do not fit at it
 */
export function costOf(architecture: Architecture, height: number, width: number, table?: TimingTable): Cost {
  return modelCost(shapeModel(architecture), height, width, table);
}

/**
 * Cost of a model at one input size, pixels, multiples of its stride.
 *
 * @throws RangeError for another size, ModelError if the operations do not fit at it
 */
export function modelCost(model: Model, height: number, width: number, table?: TimingTable): Cost {
  const { parameters, macs, weightBytes, arenaBytes, memoryBytes } = modelInfo(
    model,
    plan(model, height, width),
  );
  const counts = { parameters, macs, weightBytes, arenaBytes, memoryBytes };
  return table ? { ...counts, milliseconds: predict(model, table, height, width) } : counts;
}
