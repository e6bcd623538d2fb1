/**
 * The op table: what every operation of a model file takes, gives, holds and costs.
 * Parser, validator, planner, linker, converter and `inspect` all read this one list.
 */
import * as format from "./format.js";

/** Rows and columns of an activation tensor, in pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** Names of the numbers of an op record, in the order of the file and of the record in linear memory. */
export const ATTRIBUTES = [
  "kernelHeight",
  "kernelWidth",
  "strideY",
  "strideX",
  "dilationY",
  "dilationX",
  "padTop",
  "padLeft",
  "padBottom",
  "padRight",
  "groups",
  "mode",
  "numerator",
  "denominator",
  "value",
] as const;

/**
 * The numbers of an op record; one that an operation does not use is zero. An enlargement is the fraction
 * numerator / denominator; the pool factor of a gate stands in `numerator`; `pad` writes `value`.
 */
export type Attributes = Readonly<Record<(typeof ATTRIBUTES)[number], number>>;

export const NO_ATTRIBUTES = Object.fromEntries(ATTRIBUTES.map((name) => [name, 0])) as Attributes;

/** An activation tensor, int8 [height, width, channels]: real value = scale * (q - zero), min <= q <= max. */
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
  /** float32 [outChannels] weight scales; of a gate: [1], the scale of its table. */
  readonly scales: Float32Array;
  /** 256 entries at index q + 128: int8 of a lookup, int16 (zero point taken off) of a gate. */
  readonly table: Int8Array | Int16Array;
}

/** Element counts of the four arrays of an operation. */
export interface Lengths {
  readonly weights: number;
  readonly bias: number;
  readonly scales: number;
  readonly table: number;
}

/** What is fixed about one kind of operation. */
export interface OpKind {
  readonly name: string;
  /** Fewest and most inputs. */
  readonly arity: readonly [number, number];
  readonly attributes: readonly (keyof Attributes)[];
  /** Element counts of the arrays for the given channel counts. */
  readonly lengths: (attributes: Attributes, inChannels: number, outChannels: number) => Lengths;
  /** Channels of the output that follow from the inputs, or 0 where the file is free to choose. */
  readonly channels: (inChannels: readonly number[]) => number;
  readonly size: (attributes: Attributes, sizes: readonly Size[]) => Size;
  /** Multiply-accumulates per element of the output. */
  readonly macs: (attributes: Attributes, inChannels: number) => number;
  /** The kernel may write its output over its first input, where both have the same size. */
  readonly inPlace: boolean;
  /** The output holds the very numbers of the inputs, so scale and zero point must be equal. */
  readonly sameScale: boolean;
}

/** Attributes of a sliding window. */
const WINDOW = ATTRIBUTES.slice(0, 10);

const NOTHING: Lengths = { weights: 0, bias: 0, scales: 0, table: 0 };

const DEFAULTS: Omit<OpKind, "name"> = {
  arity: [1, 1],
  attributes: [],
  lengths: () => NOTHING,
  channels: ([first]) => first!,
  size: (_, [first]) => first!,
  macs: () => 0,
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

function convolved(weightsPerOutput: number, outChannels: number): Lengths {
  return { weights: weightsPerOutput * outChannels, bias: outChannels, scales: outChannels, table: 0 };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** All kinds of operation by code. */
export const OPS: ReadonlyMap<number, OpKind> = new Map<number, OpKind>([
  [
    format.INPUT,
    { ...DEFAULTS, name: "input", arity: [0, 0], channels: () => 3, size: () => ({ height: 0, width: 0 }) },
  ],
  [
    format.CONVOLUTION,
    {
      ...DEFAULTS,
      name: "convolution",
      attributes: [...WINDOW, "groups"],
      lengths: (a, inChannels, outChannels) =>
        convolved((a.kernelHeight * a.kernelWidth * inChannels) / a.groups, outChannels),
      channels: () => 0,
      size: windowSize,
      macs: (a, inChannels) => (a.kernelHeight * a.kernelWidth * inChannels) / a.groups,
    },
  ],
  [
    format.DEPTHWISE,
    {
      ...DEFAULTS,
      name: "depthwise",
      attributes: WINDOW,
      lengths: (a, _, outChannels) => convolved(a.kernelHeight * a.kernelWidth, outChannels),
      size: windowSize,
      macs: (a) => a.kernelHeight * a.kernelWidth,
    },
  ],
  [
    format.POINTWISE,
    {
      ...DEFAULTS,
      name: "pointwise",
      lengths: (_, inChannels, outChannels) => convolved(inChannels, outChannels),
      channels: () => 0,
      macs: (_, inChannels) => inChannels,
    },
  ],
  [format.MAX_POOL, { ...DEFAULTS, name: "maxPool", attributes: WINDOW, size: windowSize, sameScale: true }],
  [
    format.AVERAGE_POOL,
    { ...DEFAULTS, name: "averagePool", attributes: [...WINDOW, "mode"], size: windowSize },
  ],
  [
    format.GLOBAL_AVERAGE_POOL,
    { ...DEFAULTS, name: "globalAveragePool", size: () => ({ height: 1, width: 1 }) },
  ],
  [
    format.GATE,
    {
      ...DEFAULTS,
      name: "gate",
      arity: [2, 2],
      attributes: ["numerator"],
      lengths: () => ({ ...NOTHING, scales: 1, table: 256 }),
      macs: () => 1,
      inPlace: true,
    },
  ],
  [
    format.LOOKUP,
    { ...DEFAULTS, name: "lookup", lengths: () => ({ ...NOTHING, table: 256 }), inPlace: true },
  ],
  [
    format.RESIZE,
    {
      ...DEFAULTS,
      name: "resize",
      arity: [1, 2],
      attributes: ["mode", "numerator", "denominator"],
      size: (a, [input, like]) =>
        like ?? {
          height: Math.floor((input!.height * a.numerator) / a.denominator),
          width: Math.floor((input!.width * a.numerator) / a.denominator),
        },
      macs: (a) => (a.mode === format.NEAREST ? 0 : 4),
    },
  ],
  [format.ADD, { ...DEFAULTS, name: "add", arity: [2, 2], inPlace: true }],
  [format.MULTIPLY, { ...DEFAULTS, name: "multiply", arity: [2, 2], macs: () => 1, inPlace: true }],
  [format.CONCAT, { ...DEFAULTS, name: "concat", arity: [2, format.MAX_INPUTS], channels: sum }],
  [
    format.PAD,
    {
      ...DEFAULTS,
      name: "pad",
      attributes: ["padTop", "padLeft", "padBottom", "padRight", "value"],
      size: (a, [input]) => ({
        height: input!.height + a.padTop + a.padBottom,
        width: input!.width + a.padLeft + a.padRight,
      }),
      sameScale: true,
    },
  ],
  [format.ARGMAX, { ...DEFAULTS, name: "argmax", channels: () => 1 }],
]);

/** Whether two sizes are equal. */
export function sameSize(a: Size, b: Size): boolean {
  return a.height === b.height && a.width === b.width;
}

/** The kind of an operation known to be valid. */
export function kindOf(op: Op): OpKind {
  return OPS.get(op.code)!;
}
