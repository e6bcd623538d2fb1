/** TFLite files for tests, written table by table with weights from a seed. Field numbers are those of schema.fbs. */
import { Builder } from "flatbuffers";
import { FLOAT16, FLOAT32, INT8, INT32, UINT8 } from "../../../../tools/convert/tflite/read.js";
import { Random } from "../../../fixtures/random.js";

/** Codes of builtin operations. */
export const CODES = {
  ADD: 0,
  AVERAGE_POOL_2D: 1,
  CONCATENATION: 2,
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEPTH_TO_SPACE: 5,
  DEQUANTIZE: 6,
  FULLY_CONNECTED: 9,
  LOGISTIC: 14,
  MAX_POOL_2D: 17,
  MUL: 18,
  RELU: 19,
  RELU_N1_TO_1: 20,
  RELU6: 21,
  RESHAPE: 22,
  RESIZE_BILINEAR: 23,
  SOFTMAX: 25,
  SPACE_TO_DEPTH: 26,
  TANH: 28,
  CUSTOM: 32,
  PAD: 34,
  MEAN: 40,
  SUB: 41,
  DIV: 42,
  STRIDED_SLICE: 45,
  EXP: 47,
  SPLIT: 49,
  PRELU: 54,
  MAXIMUM: 55,
  ARG_MAX: 56,
  MINIMUM: 57,
  NEG: 59,
  PADV2: 60,
  SLICE: 65,
  TRANSPOSE_CONV: 67,
  RSQRT: 76,
  SQUARE: 92,
  RESIZE_NEAREST_NEIGHBOR: 97,
  LEAKY_RELU: 98,
  MIRROR_PAD: 100,
  ABS: 101,
  ELU: 111,
  QUANTIZE: 114,
  HARD_SWISH: 117,
  BATCH_MATMUL: 126,
} as const;

/** An option of an operation: its field, its kind, its value. */
export type Option = readonly [field: number, kind: "int8" | "int32" | "float32", value: number];

/** Number of the table of options in BuiltinOptions, for the operations that the tests give options. */
const OPTIONS_TYPES: Readonly<Record<number, number>> = {
  0: 11,
  1: 5,
  2: 10,
  3: 1,
  4: 2,
  5: 94,
  9: 8,
  17: 5,
  18: 21,
  23: 15,
  25: 9,
  26: 19,
  34: 22,
  40: 27,
  41: 28,
  42: 29,
  45: 32,
  49: 35,
  56: 40,
  67: 49,
  97: 74,
  98: 75,
  100: 77,
};

export interface TensorOptions {
  readonly type?: number;
  readonly data?: ArrayLike<number>;
  readonly scales?: readonly number[];
  readonly zeros?: readonly number[];
  readonly axis?: number;
  readonly name?: string;
}

interface Operator {
  readonly code: number;
  readonly custom: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options: readonly Option[];
  readonly customOptions: Uint8Array;
}

export class TfliteBuilder {
  readonly tensors: ({ shape: readonly number[] } & TensorOptions)[] = [];
  readonly operators: Operator[] = [];
  readonly random: Random;

  constructor(seed = 1) {
    this.random = new Random(seed);
  }

  /** @returns the index of a new tensor, a constant where it has data */
  tensor(shape: readonly number[], options: TensorOptions = {}): number {
    return this.tensors.push({ shape, ...options }) - 1;
  }

  integers(...values: number[]): number {
    return this.tensor([values.length], { type: INT32, data: values });
  }

  /** Random numbers of `center - spread .. center + spread`. */
  noise(shape: readonly number[], spread: number, center = 0): number {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Array.from(
      { length: count },
      () => center + (spread * this.random.integer(-1000, 1000)) / 1000,
    );
    return this.tensor(shape, { data });
  }

  shape(index: number): readonly number[] {
    return this.tensors[index]!.shape;
  }

  /** @returns the output, a float tensor of the given shape or a tensor that is there */
  operator(
    name: keyof typeof CODES,
    inputs: readonly number[],
    output: number | readonly number[],
    options: readonly Option[] = [],
    custom = "",
    customOptions = new Uint8Array(0),
  ): number {
    const index = typeof output === "number" ? output : this.tensor(output);
    this.operators.push({ code: CODES[name], custom, inputs, outputs: [index], options, customOptions });
    return index;
  }

  /** A float convolution of [1, height, width, channels] with padding SAME. */
  conv(input: number, outChannels: number, kernel = 1, stride = 1, fused = 0, dilation = 1): number {
    const [, height, width, channels] = this.shape(input) as [number, number, number, number];
    const spread = Math.sqrt(3 / (channels * kernel * kernel));
    const weights = this.noise([outChannels, kernel, kernel, channels], spread);
    const output = [1, Math.ceil(height / stride), Math.ceil(width / stride), outChannels];
    return this.operator("CONV_2D", [input, weights, this.noise([outChannels], 0.3)], output, [
      [0, "int8", 0],
      [1, "int32", stride],
      [2, "int32", stride],
      [3, "int8", fused],
      [4, "int32", dilation],
      [5, "int32", dilation],
    ]);
  }

  build(inputs: readonly number[], outputs: readonly number[]): Uint8Array {
    const b = new Builder(1 << 16);
    const codes = [...new Set(this.operators.map(({ code, custom }) => `${code} ${custom}`))];
    const data = this.tensors.map((tensor) =>
      tensor.data ? writeData(b, tensor.type, tensor.data) : undefined,
    );
    const used = data.filter((vector) => vector !== undefined);
    // The first buffer is empty: that of tensors without data.
    const buffers = tables(b, [table(b, 1, []), ...used.map((vector) => table(b, 1, [[0, vector]]))]);
    const tensors = tables(
      b,
      this.tensors.map((tensor, index) => {
        const buffer = data[index] === undefined ? 0 : used.indexOf(data[index]) + 1;
        return writeTensor(b, tensor, index, buffer);
      }),
    );
    const operators = tables(
      b,
      this.operators.map((operator) => writeOperator(b, operator, codes)),
    );
    const [ins, outs] = [ints(b, inputs), ints(b, outputs)];
    const graph = table(b, 4, [
      [0, tensors],
      [1, ins],
      [2, outs],
      [3, operators],
    ]);
    const graphs = tables(b, [graph]);
    const codeTables = tables(
      b,
      codes.map((key) => writeCode(b, key)),
    );
    b.startObject(5);
    b.addFieldInt32(0, 3, 0);
    b.addFieldOffset(1, codeTables, 0);
    b.addFieldOffset(2, graphs, 0);
    b.addFieldOffset(4, buffers, 0);
    b.finish(b.endObject(), "TFL3");
    return b.asUint8Array().slice();
  }
}

function writeData(b: Builder, type: number | undefined, data: ArrayLike<number>): number {
  const bytes = bytesOf(type, data);
  b.startVector(1, bytes.length, 16);
  for (const byte of bytes.reverse()) b.addInt8(byte);
  return b.endVector();
}

function bytesOf(type: number | undefined, data: ArrayLike<number>): Uint8Array {
  if (type === INT8) return new Uint8Array(Int8Array.from(data).buffer);
  if (type === UINT8) return Uint8Array.from(data);
  if (type === INT32) return new Uint8Array(Int32Array.from(data).buffer);
  if (type === FLOAT16) return new Uint8Array(Uint16Array.from(data).buffer);
  return new Uint8Array(Float32Array.from(data).buffer);
}

function table(b: Builder, fields: number, offsets: readonly (readonly [number, number])[]): number {
  b.startObject(fields);
  for (const [field, offset] of offsets) b.addFieldOffset(field, offset, 0);
  return b.endObject();
}

function tables(b: Builder, offsets: readonly number[]): number {
  b.startVector(4, offsets.length, 4);
  for (const offset of [...offsets].reverse()) b.addOffset(offset);
  return b.endVector();
}

function ints(b: Builder, values: readonly number[]): number {
  b.startVector(4, values.length, 4);
  for (const value of [...values].reverse()) b.addInt32(value);
  return b.endVector();
}

function writeCode(b: Builder, key: string): number {
  const [code, custom] = key.split(" ") as [string, string];
  const name = custom ? b.createString(custom) : 0;
  b.startObject(4);
  b.addFieldInt8(0, Math.min(Number(code), 127), 0);
  if (name) b.addFieldOffset(1, name, 0);
  b.addFieldInt32(2, 1, 0);
  b.addFieldInt32(3, Number(code), 0);
  return b.endObject();
}

function writeTensor(
  b: Builder,
  {
    shape,
    type = FLOAT32,
    scales,
    zeros = [0],
    axis = 0,
    name,
  }: { shape: readonly number[] } & TensorOptions,
  index: number,
  buffer: number,
): number {
  const sizes = ints(b, shape);
  const text = b.createString(name ?? `t${index}`);
  let quantization = 0;
  if (scales) {
    b.startVector(4, scales.length, 4);
    for (const scale of [...scales].reverse()) b.addFloat32(scale);
    const scaleList = b.endVector();
    const all = scales.map((_, at) => zeros[at] ?? zeros[0]!);
    b.startVector(8, all.length, 8);
    for (const zero of all.reverse()) b.addInt64(BigInt(zero));
    const zeroList = b.endVector();
    b.startObject(7);
    b.addFieldOffset(2, scaleList, 0);
    b.addFieldOffset(3, zeroList, 0);
    b.addFieldInt32(6, axis, 0);
    quantization = b.endObject();
  }
  b.startObject(5);
  b.addFieldOffset(0, sizes, 0);
  b.addFieldInt8(1, type, 0);
  b.addFieldInt32(2, buffer, 0);
  b.addFieldOffset(3, text, 0);
  if (quantization) b.addFieldOffset(4, quantization, 0);
  return b.endObject();
}

function writeOperator(b: Builder, operator: Operator, codes: readonly string[]): number {
  const { code, custom, options, customOptions } = operator;
  const [inputs, outputs] = [ints(b, operator.inputs), ints(b, operator.outputs)];
  const customBytes = customOptions.length > 0 ? b.createByteVector(customOptions) : 0;
  let written = 0;
  if (OPTIONS_TYPES[code] !== undefined) {
    b.startObject(8);
    for (const [field, kind, value] of options) {
      if (kind === "int8") b.addFieldInt8(field, value, 0);
      else if (kind === "int32") b.addFieldInt32(field, value, 0);
      else b.addFieldFloat32(field, value, 0);
    }
    written = b.endObject();
  }
  b.startObject(6);
  b.addFieldInt32(0, codes.indexOf(`${code} ${custom}`), 0);
  b.addFieldOffset(1, inputs, 0);
  b.addFieldOffset(2, outputs, 0);
  if (written) {
    b.addFieldInt8(3, OPTIONS_TYPES[code]!, 0);
    b.addFieldOffset(4, written, 0);
  }
  if (customBytes) b.addFieldOffset(5, customBytes, 0);
  return b.endObject();
}
