/**
 * Pointwise (1x1) convolution:
 *   output[y, x, o] = requantize(bias[o] + sum over i of input[y, x, i] * weights[o, i], multipliers[o])
 *
 * input        int8 [rows, width, inChannels]
 * weights      int8 [outChannels, inChannels], packed: see src/pack.ts
 * bias         i32  [outChannels]              the input zero point is folded in
 * multipliers  f32  [outChannels]              input scale * weight scale / output scale
 * output       int8, or int16 of wide logits, [rows, width, outChannels]; row y lies at y modulo the rows that memory holds of it
 * scratch      see matmul
 */
import * as r from "../src/record";
import { matmul } from "./matmul";

export function pointwise<F>(op: usize, first: i32, end: i32): void {
  const width = load<i32>(op, r.OUT_WIDTH);
  const inChannels = load<i32>(op, r.IN_CHANNELS);
  const outChannels = load<i32>(op, r.OUT_CHANNELS);
  const rowBytes = width * outChannels * load<i32>(op, r.VALUE_BYTES);
  const rows = load<i32>(op, r.OUT_ROWS);
  const step = load<i32>(op, r.ROWS_AT_ONCE);
  for (let y = first; y < end; y += step) {
    matmul<F>(
      op,
      load<usize>(op, r.INPUT_AT) + y * width * inChannels,
      inChannels,
      width * min(step, end - y),
      load<usize>(op, r.BLOCKS_AT),
      outChannels,
      load<usize>(op, r.OUTPUT_AT) + (y % rows) * rowBytes,
      load<usize>(op, r.SCRATCH_AT),
    );
  }
}
