/** Predicted time of a network: a table of measured kernels, interpolated for the shapes of its operations. */
import * as format from "../../src/format.js";
import type { Model, Op } from "../../src/ops.js";
import { inferSizes } from "../../src/shape.js";
import { UserError } from "../common/errors.js";

/** One kind of operation: the time of one row of its output over a grid of shapes. */
export interface KernelTimes {
  /** Coordinates of the grid, ascending, by axis. */
  readonly axes: readonly (readonly [name: string, at: readonly number[]])[];
  /** Nanoseconds a row at each point of the grid, the last axis fastest. */
  readonly nanoseconds: readonly number[];
}

/** What `attendseg bench --table` writes. */
export interface TimingTable {
  /** What the times were measured on. */
  readonly machine: Readonly<Record<string, string>>;
  readonly kernels: Readonly<Record<string, KernelTimes>>;
}

/** An operation as the table knows it. */
export interface Shape {
  readonly kernel: string;
  /** Place on the axes of the kernel's grid. */
  readonly point: readonly number[];
  readonly rows: number;
}

const WIDE = [16, 64, 256];
const CHANNELS = [8, 24, 48, 96, 192, 384, 640];
const FEW = [8, 64, 256, 640];

/** The shapes that are measured; the last axis fastest. */
export const GRIDS: Readonly<Record<string, KernelTimes["axes"]>> = {
  convolution: [
    ["stride", [2, 4]],
    ["kernel", [3, 5, 7]],
    ["width", [64, 128, 256]],
    ["channels", [8, 16, 32, 48]],
  ],
  depthwise: [
    ["stride", [1, 2]],
    ["kernel", [3, 5, 7]],
    ["width", WIDE],
    ["channels", [8, 48, 128, 384, 640]],
  ],
  pointwise: [
    ["width", WIDE],
    ["inputs", CHANNELS],
    ["channels", CHANNELS],
  ],
  maxPool: [
    ["pool", [2, 4, 8]],
    ["width", [4, 16, 64]],
    ["channels", FEW],
  ],
  gate: [
    ["pool", [1, 2, 4, 8]],
    ["width", [16, 64, 128]],
    ["channels", FEW],
  ],
  resize: [
    ["factor", [2, 4, 8]],
    ["width", [32, 64, 128]],
    ["channels", [8, 32, 64, 128]],
  ],
  add: [
    ["width", [16, 64, 128]],
    ["channels", FEW],
  ],
  argmax: [
    ["width", [32, 64, 128]],
    ["channels", [4, 16, 32, 64]],
  ],
};

/** An operation's place in the table; undefined for those without one, which networks of the space do not have. */
export function shapeOf(
  op: Op,
  model: Model,
  sizes: readonly { height: number; width: number }[],
): Shape | undefined {
  const { height: rows, width } = sizes[op.output]!;
  const { channels } = model.tensors[op.output]!;
  const { strideY, kernelHeight, numerator } = op.attributes;
  const inputs = model.tensors[op.inputs[0] ?? op.output]!.channels;
  switch (op.code) {
    case format.CONVOLUTION:
      return { kernel: "convolution", point: [strideY, kernelHeight, width, channels], rows };
    case format.DEPTHWISE:
      return { kernel: "depthwise", point: [strideY, kernelHeight, width, channels], rows };
    case format.POINTWISE:
      return { kernel: "pointwise", point: [width, inputs, channels], rows };
    case format.MAX_POOL:
      return { kernel: "maxPool", point: [strideY, width, channels], rows };
    case format.GATE:
      return { kernel: "gate", point: [numerator, width, channels], rows };
    case format.RESIZE:
      return { kernel: "resize", point: [numerator, width, channels], rows };
    case format.ADD:
      return { kernel: "add", point: [width, channels], rows };
    case format.ARGMAX:
      return { kernel: "argmax", point: [width, inputs], rows };
    default:
      return undefined;
  }
}

/**
 * Milliseconds that a network takes for one frame: its operations, without resizing or shrinking the image and without
 * drawing the mask, whose times depend on the image.
 */
export function predict(model: Model, table: TimingTable, height: number, width: number): number {
  const sizes = inferSizes(model, height, width);
  const times = model.ops.map((op) => {
    const shape = shapeOf(op, model, sizes);
    return shape ? shape.rows * Math.max(0, interpolate(table.kernels[shape.kernel]!, shape.point)) : 0;
  });
  return times.reduce((total, time) => total + time, 0) / 1e6;
}

/** Linear on every axis between the neighbours of a point, and beyond the ends of the grid. */
export function interpolate({ axes, nanoseconds }: KernelTimes, point: readonly number[]): number {
  const at = (axis: number, index: number): number => {
    if (axis === axes.length) return nanoseconds[index]!;
    const places = axes[axis]![1];
    const x = point[axis]!;
    const right = places.findIndex((place) => place >= x);
    const upper = Math.max(1, right < 0 ? places.length - 1 : right);
    const lower = upper - 1;
    const share = (x - places[lower]!) / (places[upper]! - places[lower]!);
    const value = (place: number) => at(axis + 1, index * places.length + place);
    if (share === 0) return value(lower);
    return share === 1 ? value(upper) : value(lower) * (1 - share) + value(upper) * share;
  };
  return at(0, 0);
}

/**
 * Reads a table.
 *
 * @throws UserError if it is not one, or was made for other grids
 */
export function parseTable(text: string): TimingTable {
  let table: TimingTable;
  try {
    table = JSON.parse(text) as TimingTable;
  } catch {
    throw new UserError("not a table of timings: not JSON");
  }
  for (const [kernel, axes] of Object.entries(GRIDS)) {
    const times = table.kernels?.[kernel];
    const points = axes.reduce((total, [, places]) => total * places.length, 1);
    if (JSON.stringify(times?.axes) !== JSON.stringify(axes) || times?.nanoseconds?.length !== points) {
      throw new UserError(
        `not a table of timings of this version: ${kernel} (attendseg bench --table makes one)`,
      );
    }
  }
  return table;
}
