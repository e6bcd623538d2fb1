/**
 * The parts of a .tflite file: tensors, buffers and operators, in the order they are added. Field numbers and codes are
 * those of TensorFlow Lite's schema, version 3.
 */
import { type Field, type Target, writeFlatBuffer } from "./flatbuffer.js";

export const FLOAT32 = 0;
export const INT32 = 2;
export const INT8 = 9;

/** Codes of operators with the version of the schema that has what is used here, and of their options. */
const OPERATORS = {
  ADD: { code: 0, version: 2, options: 11 },
  CONV_2D: { code: 3, version: 3, options: 1 },
  DEPTHWISE_CONV_2D: { code: 4, version: 3, options: 2 },
  LOGISTIC: { code: 14, version: 2, options: 0 },
  MAX_POOL_2D: { code: 17, version: 2, options: 5 },
  MUL: { code: 18, version: 2, options: 21 },
  RESHAPE: { code: 22, version: 1, options: 17 },
  RESIZE_BILINEAR: { code: 23, version: 3, options: 15 },
  PAD: { code: 34, version: 2, options: 22 },
  ARG_MAX: { code: 56, version: 2, options: 40 },
  QUANTIZE: { code: 114, version: 1, options: 0 },
} as const;
/** Name of an operator. */
export type Operator = keyof typeof OPERATORS;
const NAMES = Object.keys(OPERATORS) as Operator[];

/** Collects the parts of a file; tensors are known by their index. */
export class TfliteFile {
  /** Buffer 0 stands for "none". */
  readonly #buffers: Field[][] = [[]];
  readonly #tensors: Field[][] = [];
  readonly #operators: Field[][] = [];

  /** Adds a tensor; buffer 0 is none. */
  tensor(name: string, type: number, shape: readonly number[], bits?: Target, buffer = 0): number {
    this.#tensors.push([
      [0, "offset", { values: Int32Array.from(shape) }],
      [1, "byte", type],
      [2, "int", buffer],
      [3, "offset", { text: name }],
      [4, "offset", bits],
    ]);
    return this.#tensors.length - 1;
  }

  /** Adds a constant of int32. */
  integers(name: string, values: readonly number[]): number {
    return this.constant(name, INT32, [values.length], Int32Array.from(values));
  }

  /** Adds a constant, quantised where there are scales. */
  constant(
    name: string,
    type: number,
    shape: readonly number[],
    values: Int8Array | Int32Array | Float32Array,
    scales?: Float32Array,
    axis = 0,
    zero = 0,
  ): number {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#buffers.push([[0, "offset", { values: bytes }]]);
    const bits = scales && quantisation(scales, zero, axis);
    return this.tensor(name, type, shape, bits, this.#buffers.length - 1);
  }

  operator(name: Operator, inputs: readonly number[], output: number, options: Field[] = []): void {
    this.#operators.push([
      [0, "int", NAMES.indexOf(name)],
      [1, "offset", { values: Int32Array.from(inputs) }],
      [2, "offset", { values: Int32Array.of(output) }],
      [3, "byte", OPERATORS[name].options],
      [4, "offset", OPERATORS[name].options === 0 ? undefined : { table: options }],
    ]);
  }

  /** The file with one input and one output. */
  finish(input: number, output: number): Uint8Array {
    const codes = NAMES.map((name): Field[] => [
      [0, "byte", OPERATORS[name].code],
      [2, "int", OPERATORS[name].version],
      [3, "int", OPERATORS[name].code],
    ]);
    const graph: Field[] = [
      [0, "offset", { tables: this.#tensors }],
      [1, "offset", { values: Int32Array.of(input) }],
      [2, "offset", { values: Int32Array.of(output) }],
      [3, "offset", { tables: this.#operators }],
      [4, "offset", { text: "main" }],
    ];
    const named = (name: string, tensor: number): Target => ({
      tables: [
        [
          [0, "offset", { text: name }],
          [1, "int", tensor],
        ],
      ],
    });
    const signature: Field[] = [
      [0, "offset", named("image", input)],
      [1, "offset", named("mask", output)],
      [2, "offset", { text: "serving_default" }],
      [4, "int", 0],
    ];
    const model: Field[] = [
      [0, "int", 3],
      [1, "offset", { tables: codes }],
      [2, "offset", { tables: [graph] }],
      [3, "offset", { text: "attendseg" }],
      [4, "offset", { tables: this.#buffers }],
      [7, "offset", { tables: [signature] }],
    ];
    return writeFlatBuffer(model, "TFL3");
  }
}

/** Scales and zero point of a tensor, along an axis where there are several. */
export function quantisation(scales: Float32Array, zero: number, axis: number): Target {
  return {
    table: [
      [2, "offset", { values: scales }],
      [3, "offset", { values: new BigInt64Array(scales.length).fill(BigInt(zero)) }],
      [6, "int", axis],
    ],
  };
}
