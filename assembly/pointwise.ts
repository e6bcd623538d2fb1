/**
 * Pointwise (1x1) convolution:
 *   output[y, x, o] = requantize(bias[o] + sum over i of input[y, x, i] * weights[o, i], multipliers[o])
 *
 * input        int8 [rows, width, inChannels]
 * weights      int8 [outChannels, inChannels], packed: see src/link.ts
 * bias         i32  [outChannels]              the input zero point is folded in
 * multipliers  f32  [outChannels]              input scale * weight scale / output scale
 * output       int8 [rows, width, outChannels]  row y lies at y modulo the rows that memory holds of it
 * scratch      see matmul
 */
import * as r from "../src/record";
import { matmul } from "./matmul";
import { areTame } from "./requantize";

export function pointwise(op: usize, first: i32, end: i32): void {
  const width = load<i32>(op, r.OUT_WIDTH);
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const tame = areTame(op, outChannels, inChannels);
  const rows = load<i32>(op, r.OUT_ROWS);
  const depth = (inChannels + r.DEPTH_STEP - 1) & -r.DEPTH_STEP;
  // rows of a window are apart from each other, others follow one another and are done together
  const step = rows < load<i32>(op, r.OUT_HEIGHT) ? 1 : max(1, r.BATCH / width);
  for (let y = first; y < end; y += step) {
    matmul(
      op,
      load<usize>(op, r.INPUT_AT) + y * width * inChannels,
      inChannels,
      width * min(step, end - y),
      depth,
      0,
      outChannels,
      load<usize>(op, r.OUTPUT_AT) + (y % rows) * width * outChannels,
      tame,
      load<usize>(op, r.SCRATCH_AT),
    );
  }
}
