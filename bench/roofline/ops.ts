/** What each operation of the network costs at the size measured, beside its time. */

import { modelInfo } from "../../src/info.js";
import type { Model } from "../../src/ops.js";
import { plan } from "../../src/plan.js";
import type { Roofline } from "./measure.js";

/** One operation, or one kind of operation summed up. */
export interface Cost {
  readonly name: string;
  /** Shape as text, e.g. "128x128x24"; of a kind the number of operations. */
  readonly detail: string;
  readonly macs: number;
  /** Inputs read, weights read and output written once each, bytes. */
  readonly bytes: number;
  readonly milliseconds: number;
}

/** GMAC/s of a cost. */
export function rate({ macs, milliseconds }: Cost): number {
  return macs / milliseconds / 1e6;
}

/** Share of the peak of i32x4.dot_i16x8_s that the operations of one kind reach together, each by itself, 0..1. */
export function shareOfPeak(
  model: Model,
  { apart, mask, peaks }: Roofline,
  kind: string,
  side: number,
): number {
  const list = costs(model, { ops: apart, mask }, side, true).filter(({ name }) => name === kind);
  const macs = list.reduce((sum, cost) => sum + cost.macs, 0);
  const milliseconds = list.reduce((sum, cost) => sum + cost.milliseconds, 0);
  return macs / milliseconds / 1e6 / (peaks.dot ?? Number.NaN);
}

/**
 * The operations of a model with their times.
 *
 * @param side of the input, pixels
 * @param whole whether the times are of a plan in which no operation runs within another one
 */
export function costs(
  model: Model,
  { ops, mask }: Pick<Roofline, "ops" | "mask">,
  side: number,
  whole = false,
): Cost[] {
  const memory = plan(model, side, side, { whole });
  const size = (id: number) => {
    const { height, width } = memory.tensors[id]!;
    return height * width * model.tensors[id]!.channels;
  };
  const info = modelInfo(model, memory).ops;
  const list = model.ops.map((op, index): Cost => {
    const { name, height, width, channels, macs } = info[index]!;
    const tensors = [...op.inputs, op.output].reduce((total, id) => total + size(id), 0);
    return {
      name: windowName(name, op.attributes),
      detail: `${height}x${width}x${channels}`,
      macs,
      bytes:
        tensors +
        op.weights.byteLength +
        op.bias.byteLength +
        op.table.byteLength +
        (op.inputs.length === 0 ? 3 * side * side : 0),
      milliseconds: ops[index] ?? 0,
    };
  });
  // An operation that another one executes row by row: its output stays in the cache, neither written nor read.
  memory.ops.forEach(({ executedBy }, index) => {
    if (executedBy === index) return;
    const [first, second] = [list[index]!, list[executedBy]!];
    list[executedBy] = {
      name: `${first.name} + ${second.name}`,
      detail: second.detail,
      macs: first.macs + second.macs,
      bytes: first.bytes + second.bytes - 2 * size(model.ops[index]!.output),
      milliseconds: first.milliseconds + second.milliseconds,
    };
  });
  const logits = size(model.ops.at(-1)!.inputs[0]!);
  const last = { name: "mask", detail: `${side}x${side}x1`, macs: 0, bytes: logits + side * side };
  const own = list.filter((_, index) => memory.ops[index]!.executedBy === index);
  return [...own, { ...last, milliseconds: mask }];
}

/** Kind of operation with the window where it has one: "depthwise 3x3 /2". */
function windowName(name: string, a: { kernelHeight: number; kernelWidth: number; strideY: number }): string {
  if (a.kernelHeight === 0) return name;
  return `${name} ${a.kernelHeight}x${a.kernelWidth}${a.strideY > 1 ? ` /${a.strideY}` : ""}`;
}

/** Costs summed up by name, most time first. */
export function byKind(list: readonly Cost[]): Cost[] {
  const kinds = new Map<string, Cost[]>();
  for (const cost of list) kinds.set(cost.name, [...(kinds.get(cost.name) ?? []), cost]);
  const sum = (parts: readonly Cost[], field: "macs" | "bytes" | "milliseconds") =>
    parts.reduce((total, part) => total + part[field], 0);
  return [...kinds]
    .map(([name, parts]) => ({
      name,
      detail: String(parts.length),
      macs: sum(parts, "macs"),
      bytes: sum(parts, "bytes"),
      milliseconds: sum(parts, "milliseconds"),
    }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}
