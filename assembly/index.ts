/**
 * Exports of the engine. Op records, blocks and arena are laid out by the host (src/plan.ts, src/link.ts);
 * `op` is the address of a record. The kernels trust them.
 */
import * as format from "../src/format";
import * as r from "../src/record";
import { add } from "./add";
import { argmax } from "./argmax";
import { averagePool } from "./average-pool";
import { concat } from "./concat";
import { convolution } from "./convolution";
import { depthToSpace } from "./depth-to-space";
import { depthwise } from "./depthwise";
import { directConvolution } from "./direct-convolution";
import { Plain, Relaxed, RelaxedAdd } from "./dot";
import { gate } from "./gate";
import { globalAveragePool } from "./global-average-pool";
import { groupNorm } from "./group-norm";
import { lookup } from "./lookup";
import { maxPool } from "./max-pool";
import { maxUnpool } from "./max-unpool";
import { multiply } from "./multiply";
import { pad } from "./pad";
import { pointwise } from "./pointwise";
import { prelu } from "./prelu";
import { reduceMax } from "./reduce-max";
import { resize } from "./resize";
import { barrier, startJob } from "./thread-pool";
import { topOf } from "./window";

export { imageOutput, imageRow, imageWeights, windowEnd, windowFirst } from "./input";
export { mask } from "./mask";
export { probability } from "./probability";
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
    const op = records + index * r.RECORD_BYTES;
    const rows = load<i32>(op, r.OUT_HEIGHT);
    runRows(op, (rows * part) / parts, (rows * (part + 1)) / parts);
    if (ASC_FEATURE_THREADS) barrier((index - first + 1) * parts, part != 0);
  }
}

/**
 * Output rows `first`..`end` of one operation, with the rows of its input that it has made for itself. Nothing where
 * another one executes it; the input tensor is written by the image functions instead.
 */
export function runRows(op: usize, first: i32, end: i32): void {
  if (load<i32>(op, r.FUSED)) return;
  const producer = load<usize>(op, r.PRODUCER_AT);
  if (!producer) {
    runKernel(op, first, end);
    return;
  }
  const atOnce = load<i32>(op, r.ROWS_AT_ONCE);
  const span = load<i32>(op, r.DILATION_Y) * (load<i32>(op, r.KERNEL_HEIGHT) - 1) + 1;
  let made = 0;
  for (let y = first; y < end; y += atOnce) {
    const last = min(y + atOnce, end);
    const below = min(topOf(op, last - 1) + span, load<i32>(op, r.IN_HEIGHT));
    if (made < below) {
      runKernel(producer, max(made, topOf(op, y)), below);
      made = below;
    }
    runKernel(op, y, last);
  }
}

/** Output rows `first`..`end` of one operation by the kernel that its record names. */
function runKernel(op: usize, first: i32, end: i32): void {
  switch (load<i32>(op, r.KERNEL)) {
    case r.POINTWISE_KERNEL:
      pointwise<Plain>(op, first, end);
      break;
    case r.POINTWISE_KERNEL + r.RELAXED:
      if (ASC_FEATURE_RELAXED_SIMD) pointwise<Relaxed>(op, first, end);
      break;
    case r.POINTWISE_KERNEL + r.RELAXED_ADD:
      if (ASC_FEATURE_RELAXED_SIMD) pointwise<RelaxedAdd>(op, first, end);
      break;
    case r.DEPTHWISE_KERNEL:
      depthwise<Plain>(op, first, end);
      break;
    case r.DEPTHWISE_KERNEL + r.RELAXED:
      if (ASC_FEATURE_RELAXED_SIMD) depthwise<Relaxed>(op, first, end);
      break;
    case r.DEPTHWISE_KERNEL + r.RELAXED_ADD:
      if (ASC_FEATURE_RELAXED_SIMD) depthwise<RelaxedAdd>(op, first, end);
      break;
    case r.DIRECT_KERNEL:
      directConvolution<Plain>(op, first, end);
      break;
    case r.DIRECT_KERNEL + r.RELAXED:
      if (ASC_FEATURE_RELAXED_SIMD) directConvolution<Relaxed>(op, first, end);
      break;
    case r.DIRECT_KERNEL + r.RELAXED_ADD:
      if (ASC_FEATURE_RELAXED_SIMD) directConvolution<RelaxedAdd>(op, first, end);
      break;
    case r.IM2COL_KERNEL:
      convolution<Plain>(op, first, end);
      break;
    case r.IM2COL_KERNEL + r.RELAXED:
      if (ASC_FEATURE_RELAXED_SIMD) convolution<Relaxed>(op, first, end);
      break;
    case r.IM2COL_KERNEL + r.RELAXED_ADD:
      if (ASC_FEATURE_RELAXED_SIMD) convolution<RelaxedAdd>(op, first, end);
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
    case format.DEPTH_TO_SPACE:
      depthToSpace(op, first, end);
      break;
    case format.PRELU:
      prelu(op, first, end);
      break;
    case format.REDUCE_MAX:
      reduceMax(op, first, end);
      break;
    case format.GROUP_NORM:
      groupNorm(op, first, end);
      break;
    case format.MAX_UNPOOL:
      maxUnpool(op, first, end);
      break;
    case format.ARGMAX:
      argmax(op, first, end);
      break;
  }
}
