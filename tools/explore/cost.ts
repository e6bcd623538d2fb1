import { modelInfo } from "../../src/info.js";
import type { Model } from "../../src/ops.js";
import { plan } from "../../src/plan.js";
import { planBundle } from "../bundle/index.js";
import { type Architecture, shapeModel } from "./architecture.js";
import { predict, type TimingTable } from "./timing.js";

/**
 * What a network will cost, known before it is trained: as `attendseg inspect` counts on the converted file, or, standalone,
 * with the memory of the module that `attendseg bundle --exact` makes of it.
 */
export interface Cost {
  readonly parameters: number;
  readonly macs: number;
  readonly weightBytes: number;
  readonly arenaBytes: number;
  /** Linear memory; of a standalone module without what names longer than "class 1" add to it. */
  readonly memoryBytes: number;
  /** Predicted time of a frame, where there is a table of timings. */
  readonly milliseconds?: number;
}

/**
 * Cost of a network at one input size, pixels, multiples of 32 (times what the network shrinks the image by).
 *
 * @throws RangeError for another size, ModelError if the operations do not fit at it
 */
export function costOf(architecture: Architecture, height: number, width: number, table?: TimingTable): Cost {
  return modelCost(shapeModel(architecture), height, width, table);
}

/**
 * Cost of a model at one input size, pixels, multiples of its stride.
 *
 * @param standalone count the memory of a standalone module
 * @throws RangeError for another size, ModelError if the operations do not fit at it
 */
export function modelCost(
  model: Model,
  height: number,
  width: number,
  table?: TimingTable,
  standalone = false,
): Cost {
  const layout = (standalone ? planBundle : plan)(model, height, width);
  const { parameters, macs, weightBytes, arenaBytes } = modelInfo(model, layout);
  const memoryBytes = standalone ? layout.usedBytes : layout.memoryBytes;
  const counts = { parameters, macs, weightBytes, arenaBytes, memoryBytes };
  return table ? { ...counts, milliseconds: predict(model, table, height, width) } : counts;
}
