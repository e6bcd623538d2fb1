/**
 * A model, and the op table: what every operation of a model file takes, gives, holds and costs.
 * Parser, validator, planner, linker, converter and `inspect` all read this one list.
 */

import * as format from "./format.js";
import type { Metadata } from "./metadata.js";

/** Rows and columns of an activation tensor, in pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/**
 * The numbers of an op record, in the order of the record in linear memory: name, offset in the file, bytes there. All
 * are unsigned but the last.
 */
export const ATTRIBUTE_FIELDS = [
  ["kernelHeight", format.OP_KERNEL_HEIGHT, 1],
  ["kernelWidth", format.OP_KERNEL_WIDTH, 1],
  ["strideY", format.OP_STRIDE_Y, 1],
  ["strideX", format.OP_STRIDE_X, 1],
  ["dilationY", format.OP_DILATION_Y, 1],
  ["dilationX", format.OP_DILATION_X, 1],
  ["padTop", format.OP_PAD_TOP, 1],
  ["padLeft", format.OP_PAD_LEFT, 1],
  ["padBottom", format.OP_PAD_BOTTOM, 1],
  ["padRight", format.OP_PAD_RIGHT, 1],
  ["groups", format.OP_GROUPS, 2],
  ["mode", format.OP_MODE, 2],
  ["numerator", format.OP_NUMERATOR, 2],
  ["denominator", format.OP_DENOMINATOR, 2],
  ["value", format.OP_VALUE, 2],
] as const;

/** Their names. */
export const ATTRIBUTES = /* @__PURE__ */ ATTRIBUTE_FIELDS.map(([name]) => name);

/**
 * The numbers of an op record; one that an operation does not use is zero. An upsampling is the fraction
 * numerator / denominator; the pool factor of a gate stands in `numerator`; `pad` writes `value`.
 */
export type Attributes = Readonly<Record<(typeof ATTRIBUTES)[number], number>>;

export const NO_ATTRIBUTES = /* @__PURE__ */ Object.fromEntries(
  ATTRIBUTES.map((name) => [name, 0]),
) as Attributes;

/**
 * An activation tensor, int8 [height, width, channels], or int16 if it is wide, as logits may be: real value =
 * scale * (q - zero), min <= q <= max.
 */
export interface Tensor {
  readonly channels: number;
  readonly scale: number;
  readonly zero: number;
  readonly min: number;
  readonly max: number;
}

/** One operation. Arrays that an operation does not use are empty. */
export interface Op {
  readonly code: number;
  /** Tensor ids. */
  readonly inputs: readonly number[];
  readonly output: number;
  readonly attributes: Attributes;
  /** int8 [outChannels][kernelHeight][kernelWidth][inChannels / groups], in -127..127. */
  readonly weights: Int8Array;
  /** int32 [outChannels] at scale input * weight, minus input zero * sum of the channel's weights. */
  readonly bias: Int32Array;
  /**
   * float32 [outChannels] weight scales, of `prelu` the slopes below 0, and of a convolution with a table one more: the scale
   * of the sums that the table takes; [1] of a gate the scale of its table, of
   * `groupNorm` what is added to the variance.
   */
  readonly scales: Float32Array;
  /**
   * 256 entries at index q + 128: int8 of a lookup, int16 (zero point taken off) of a gate. A convolution may have an
   * activation: int8 [1024] at index sum + 512.
   */
  readonly table: Int8Array | Int16Array;
}

/** A parsed and validated model. Arrays are views of the bytes it was parsed from. */
export interface Model {
  readonly tensors: readonly Tensor[];
  /** In order of execution; the first is `input`, the last `argmax`. */
  readonly ops: readonly Op[];
  readonly metadata: Metadata;
  /** Input width and height must be multiples of this. */
  readonly stride: number;
  /** Default input size in pixels. */
  readonly width: number;
  readonly height: number;
}

/** What is fixed about one kind of operation. */
export interface OpKind {
  readonly name: string;
  /** Fewest and most inputs. */
  readonly arity: readonly [number, number];
  readonly attributes: readonly (keyof Attributes)[];
  /** The largest value of the attribute `mode`. */
  readonly lastMode: number;
  /** Of a convolution: weights of one output channel, which are also its multiply-accumulates per output value. */
  readonly taps?: (attributes: Attributes, inChannels: number) => number;
  /** Its scales: one for each output channel, or one. */
  readonly scales: "none" | "one" | "channels";
  /** Bytes of each of the 256 entries of its table, 0 without one. */
  readonly entryBytes: 0 | 1 | 2;
  /** Channels of the output that follow from the inputs, or 0 where the file is free to choose. */
  readonly channels: (inChannels: readonly number[], attributes: Attributes) => number;
  readonly size: (attributes: Attributes, sizes: readonly Size[]) => Size;
  /** The kernel may write its output over its first input, where both have the same size. */
  readonly inPlace: boolean;
  /** The output holds the very numbers of the inputs, so scale and zero point must be equal. */
  readonly sameScale: boolean;
}

/** Attributes of a sliding window. */
const WINDOW = ATTRIBUTES.slice(0, 10);
/** Of the four sides. */
const SIDES = ATTRIBUTES.slice(6, 10);

const DEFAULTS: Omit<OpKind, "name"> = {
  arity: [1, 1],
  attributes: [],
  lastMode: 0,
  scales: "none",
  entryBytes: 0,
  channels: ([first]) => first!,
  size: (_, [first]) => first!,
  inPlace: false,
  sameScale: false,
};

/** Rows (or columns) of a sliding window's output; zero or less where the window does not fit. */
function windows(size: number, kernel: number, stride: number, dilation: number, pad: number): number {
  return Math.floor((size + pad - dilation * (kernel - 1) - 1) / stride) + 1;
}

function windowSize(a: Attributes, [input]: readonly Size[]): Size {
  return {
    height: windows(input!.height, a.kernelHeight, a.strideY, a.dilationY, a.padTop + a.padBottom),
    width: windows(input!.width, a.kernelWidth, a.strideX, a.dilationX, a.padLeft + a.padRight),
  };
}

const area = (a: Attributes): number => a.kernelHeight * a.kernelWidth;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const KINDS: readonly (readonly [number, Partial<OpKind> & Pick<OpKind, "name">])[] = [
  [format.INPUT, { name: "input", arity: [0, 0], channels: () => 3 }],
  [
    format.CONVOLUTION,
    {
      name: "convolution",
      attributes: [...WINDOW, "groups"],
      scales: "channels",
      taps: (a, inChannels) => (area(a) * inChannels) / a.groups,
      channels: () => 0,
      size: windowSize,
    },
  ],
  [
    format.DEPTHWISE,
    { name: "depthwise", attributes: WINDOW, scales: "channels", taps: area, size: windowSize },
  ],
  [
    format.POINTWISE,
    { name: "pointwise", scales: "channels", taps: (_, inChannels) => inChannels, channels: () => 0 },
  ],
  [format.MAX_POOL, { name: "maxPool", attributes: WINDOW, size: windowSize, sameScale: true }],
  [
    format.AVERAGE_POOL,
    {
      name: "averagePool",
      attributes: [...WINDOW, "mode"],
      lastMode: format.COUNT_PADDING,
      size: windowSize,
    },
  ],
  [format.GLOBAL_AVERAGE_POOL, { name: "globalAveragePool", size: () => ({ height: 1, width: 1 }) }],
  [
    format.GATE,
    {
      name: "gate",
      arity: [2, 2],
      attributes: ["numerator"],
      scales: "one",
      entryBytes: 2,
      inPlace: true,
    },
  ],
  [format.LOOKUP, { name: "lookup", entryBytes: 1, inPlace: true }],
  [
    format.RESIZE,
    {
      name: "resize",
      arity: [1, 2],
      attributes: ["mode", "numerator", "denominator"],
      lastMode: format.BILINEAR_ASYMMETRIC,
      size: (a, [input, like]) =>
        like ?? {
          height: Math.floor((input!.height * a.numerator) / a.denominator),
          width: Math.floor((input!.width * a.numerator) / a.denominator),
        },
    },
  ],
  [format.ADD, { name: "add", arity: [2, 2], inPlace: true }],
  [format.MULTIPLY, { name: "multiply", arity: [2, 2], inPlace: true }],
  [format.CONCAT, { name: "concat", arity: [2, format.MAX_INPUTS], channels: sum }],
  [
    format.PAD,
    {
      name: "pad",
      attributes: [...SIDES, "mode", "value"],
      lastMode: format.PAD_REFLECT,
      size: (a, [input]) => ({
        height: input!.height + a.padTop + a.padBottom,
        width: input!.width + a.padLeft + a.padRight,
      }),
      sameScale: true,
    },
  ],
  [format.ARGMAX, { name: "argmax", channels: () => 1 }],
  [
    format.DEPTH_TO_SPACE,
    {
      name: "depthToSpace",
      attributes: ["strideY", "strideX", ...SIDES, "mode"],
      lastMode: format.PLACE_FASTER,
      channels: ([first], a) => first! / (a.strideY * a.strideX),
      size: (a, [input]) => ({
        height: input!.height * a.strideY - a.padTop - a.padBottom,
        width: input!.width * a.strideX - a.padLeft - a.padRight,
      }),
      sameScale: true,
    },
  ],
  [format.PRELU, { name: "prelu", scales: "channels", inPlace: true }],
  [
    format.REDUCE_MAX,
    {
      name: "reduceMax",
      attributes: ["mode"],
      lastMode: format.OVER_CHANNELS,
      channels: ([first], a) => (a.mode === format.OVER_PLANE ? first! : 1),
      size: (a, [input]) => (a.mode === format.OVER_PLANE ? { height: 1, width: 1 } : input!),
      sameScale: true,
    },
  ],
  [
    format.GROUP_NORM,
    { name: "groupNorm", attributes: ["groups", "mode"], lastMode: format.OVER_CHANNELS, scales: "one" },
  ],
  [
    format.MAX_UNPOOL,
    {
      name: "maxUnpool",
      arity: [2, 2],
      attributes: ["strideY", "strideX"],
      size: (_, [, second]) => second!,
      sameScale: true,
    },
  ],
];

/** All kinds of operation by code. */
export const OPS: ReadonlyMap<number, OpKind> = new Map(
  KINDS.map(([code, kind]) => [code, { ...DEFAULTS, ...kind }]),
);

/** Values of a tensor: int16 if it is wide. */
export type Values = Int8Array | Int16Array;

/** Bytes of each value of a tensor: 2 where its numbers do not fit into 1, which makes it wide. */
export function bytesOf({ zero, min, max }: Tensor): 1 | 2 {
  return Math.min(zero, min) < -128 || Math.max(zero, max) > 127 ? 2 : 1;
}

/** Whether two sizes are equal. */
export function sameSize(a: Size, b: Size): boolean {
  return a.height === b.height && a.width === b.width;
}

/** The kind of an operation known to be valid. */
export function kindOf(op: Op): OpKind {
  return OPS.get(op.code)!;
}
