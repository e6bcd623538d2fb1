/**
 * Exports of the engine. Op records, parameters and arena are laid out by the host (src/plan.ts, src/link.ts);
 * `op` is the address of a record. The kernels trust them.
 */
import * as format from "../src/format";
import { CODE, OUT_HEIGHT, RECORD_BYTES } from "../src/record";
import { add } from "./add";
import { argmax } from "./argmax";
import { averagePool } from "./average-pool";
import { concat } from "./concat";
import { convolution } from "./convolution";
import { meet, startJob } from "./crew";
import { depthwise } from "./depthwise";
import { gate } from "./gate";
import { globalAveragePool } from "./global-average-pool";
import { lookup } from "./lookup";
import { maxPool } from "./max-pool";
import { multiply } from "./multiply";
import { pad } from "./pad";
import { pointwise } from "./pointwise";
import { resize } from "./resize";

export { pictureOutput, pictureRow, pictureWeights, windowEnd, windowFirst } from "./input";
export { mask } from "./mask";
export { selftest } from "./selftest";

/**
 * Runs operations `first`..`end` of the list of records at address `records`: of each the `part`-th of `parts`
 * equal shares of its output rows. In builds with threads all parts start together and part 0 is the caller's.
 */
export function run(records: usize, first: i32, end: i32, part: i32, parts: i32): void {
  if (ASC_FEATURE_THREADS) {
    if (part == 0) startJob(first, end);
  }
  for (let index = first; index < end; index++) {
    const op = records + index * RECORD_BYTES;
    const rows = load<i32>(op, OUT_HEIGHT);
    runRows(op, (rows * part) / parts, (rows * (part + 1)) / parts);
    if (ASC_FEATURE_THREADS) meet((index - first + 1) * parts, part != 0);
  }
}

/** Output rows `first`..`end` of one operation. The input tensor is written by the picture functions instead. */
export function runRows(op: usize, first: i32, end: i32): void {
  switch (load<i32>(op, CODE)) {
    case format.CONVOLUTION:
      convolution(op, first, end);
      break;
    case format.DEPTHWISE:
      depthwise(op, first, end);
      break;
    case format.POINTWISE:
      pointwise(op, first, end);
      break;
    case format.MAX_POOL:
      maxPool(op, first, end);
      break;
    case format.AVERAGE_POOL:
      averagePool(op, first, end);
      break;
    case format.GLOBAL_AVERAGE_POOL:
      globalAveragePool(op, first, end);
      break;
    case format.GATE:
      gate(op, first, end);
      break;
    case format.LOOKUP:
      lookup(op, first, end);
      break;
    case format.RESIZE:
      resize(op, first, end);
      break;
    case format.ADD:
      add(op, first, end);
      break;
    case format.MULTIPLY:
      multiply(op, first, end);
      break;
    case format.CONCAT:
      concat(op, first, end);
      break;
    case format.PAD:
      pad(op, first, end);
      break;
    case format.ARGMAX:
      argmax(op, first, end);
      break;
    default:
      break;
  }
}
