/**
 * Which operation executes which. A pointwise convolution that only a depthwise one reads is executed by it, row by row,
 * where the map is large: its output then never lies in memory as a whole.
 */
import * as format from "./format.js";
import type { Model, Op, Size } from "./ops.js";

/** Maps of fewer rows are not worth it: at the edge of each thread's share rows are computed twice. */
const FUSED_ROWS = 64;

/** For each operation the index of the one that executes it: its own, or that of its only reader. */
export function fuse({ tensors, ops }: Model, sizes: readonly Size[]): number[] {
  const readers: number[][] = tensors.map(() => []);
  ops.forEach(({ inputs }, index) => {
    for (const id of new Set(inputs)) readers[id]!.push(index);
  });
  return ops.map(({ code, output }, index) => {
    const { height } = sizes[output]!;
    const [first, second] = readers[output]!;
    if (code !== format.POINTWISE || height < FUSED_ROWS) return index;
    if (first === undefined || second !== undefined) return index;
    const reader = ops[first]!;
    return reader.code === format.DEPTHWISE && windowRows(reader) < height ? first : index;
  });
}

/** Output rows that a depthwise convolution does at once: two where their taps are in as many groups of rows as one's. */
export function rowsAtOnce({ attributes: a }: Op): number {
  return a.strideY === 1 && a.dilationY === 1 && a.kernelHeight % 2 === 1 ? 2 : 1;
}

/** Input rows that a depthwise convolution reads at once. */
export function windowRows(op: Op): number {
  const { kernelHeight, dilationY } = op.attributes;
  return dilationY * (kernelHeight - 1) + rowsAtOnce(op);
}
