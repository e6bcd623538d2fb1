/**
 * The part of a TFLite file that the converter reads. Field numbers and codes are those of the file's schema
 * (schema.fbs of LiteRT); fields that are not listed are skipped.
 */
import { ConvertError } from "../errors.js";
import { Table } from "./table.js";

/** Element types of tensors (TensorType). */
export const FLOAT32 = 0;
export const FLOAT16 = 1;
export const INT32 = 2;
export const UINT8 = 3;
export const INT64 = 4;
export const INT8 = 9;

/** Names of element types, for messages. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  [FLOAT32]: "float32",
  [FLOAT16]: "float16",
  [INT32]: "int32",
  [UINT8]: "uint8",
  [INT64]: "int64",
  5: "string",
  6: "bool",
  7: "int16",
  [INT8]: "int8",
  10: "float64",
  17: "int4",
};

/** Codes of builtin operations (BuiltinOperator). */
const BUILTIN: Readonly<Record<number, string>> = {
  0: "ADD",
  1: "AVERAGE_POOL_2D",
  2: "CONCATENATION",
  3: "CONV_2D",
  4: "DEPTHWISE_CONV_2D",
  5: "DEPTH_TO_SPACE",
  6: "DEQUANTIZE",
  8: "FLOOR",
  9: "FULLY_CONNECTED",
  11: "L2_NORMALIZATION",
  14: "LOGISTIC",
  16: "LSTM",
  17: "MAX_POOL_2D",
  18: "MUL",
  19: "RELU",
  20: "RELU_N1_TO_1",
  21: "RELU6",
  22: "RESHAPE",
  23: "RESIZE_BILINEAR",
  25: "SOFTMAX",
  26: "SPACE_TO_DEPTH",
  28: "TANH",
  34: "PAD",
  36: "GATHER",
  37: "BATCH_TO_SPACE_ND",
  38: "SPACE_TO_BATCH_ND",
  39: "TRANSPOSE",
  40: "MEAN",
  41: "SUB",
  42: "DIV",
  43: "SQUEEZE",
  45: "STRIDED_SLICE",
  47: "EXP",
  48: "TOPK_V2",
  49: "SPLIT",
  50: "LOG_SOFTMAX",
  53: "CAST",
  54: "PRELU",
  55: "MAXIMUM",
  56: "ARG_MAX",
  57: "MINIMUM",
  59: "NEG",
  60: "PADV2",
  65: "SLICE",
  67: "TRANSPOSE_CONV",
  69: "TILE",
  70: "EXPAND_DIMS",
  73: "LOG",
  74: "SUM",
  75: "SQRT",
  76: "RSQRT",
  77: "SHAPE",
  78: "POW",
  82: "REDUCE_MAX",
  83: "PACK",
  88: "UNPACK",
  92: "SQUARE",
  97: "RESIZE_NEAREST_NEIGHBOR",
  98: "LEAKY_RELU",
  100: "MIRROR_PAD",
  101: "ABS",
  102: "SPLIT_V",
  104: "CEIL",
  111: "ELU",
  114: "QUANTIZE",
  117: "HARD_SWISH",
  124: "DENSIFY",
  126: "BATCH_MATMUL",
  128: "CUMSUM",
  130: "BROADCAST_TO",
  150: "GELU",
};
const CUSTOM = 32;

/** real = scale * (q - zero); one pair, or one for each index of `axis`. */
export interface Parameters {
  readonly scales: readonly number[];
  readonly zeros: readonly number[];
  readonly axis: number;
}

export interface TfliteTensor {
  /** Of a tensor that a converter has merged others into, and which has all their names, the last one. */
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  /** The numbers of a constant, little-endian. */
  readonly data?: Uint8Array;
  readonly quantization?: Parameters;
}

export interface TfliteOperator {
  /** Name of the builtin operation, or of a custom one. */
  readonly type: string;
  /** Indices of tensors; -1 is an input left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Options of a builtin operation; absent where all have their defaults. */
  readonly options?: Table;
  /** Options of a custom operation, in a form of its own. */
  readonly customOptions: Uint8Array;
}

/** The first subgraph of a TFLite file. */
export interface TfliteModel {
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Whether bytes carry the file identifier of a TFLite file. */
export function isTflite(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && String.fromCharCode(...bytes.subarray(4, 8)) === "TFL3";
}

/** `int16`, for messages. */
export function typeName(type: number): string {
  return TYPE_NAMES[type] ?? `of type ${type}`;
}

/**
 * Reads a TFLite file.
 *
 * @throws ConvertError if the bytes are damaged, or hold a sparse tensor or several subgraphs
 */
export function readTflite(bytes: Uint8Array): TfliteModel {
  const model = Table.root(bytes);
  const codes = model.tables(1).map(readCode);
  const graphs = model.tables(2);
  const buffers = model.tables(4).map((buffer) => readBuffer(bytes, buffer));
  const graph = graphs[0];
  if (!graph || graphs.length > 1) {
    throw new ConvertError(
      `the file has ${graphs.length} subgraphs; only one, without control flow, is supported`,
    );
  }
  const tensors = graph.tables(0).map((tensor, index) => readTensor(tensor, index, buffers));
  const operators = graph.tables(3).map((operator) => readOperator(operator, codes));
  const [inputs, outputs] = [graph.int32s(1), graph.int32s(2)];
  for (const index of [...inputs, ...outputs, ...operators.flatMap((o) => [...o.inputs, ...o.outputs])]) {
    if (index < -1 || index >= tensors.length) {
      throw new ConvertError(`not a valid TFLite file: there is no tensor ${index}`);
    }
  }
  return { tensors, operators, inputs, outputs };
}

/** The code has moved to a wider field; older files have the narrow one only. */
function readCode(code: Table): string {
  const builtin = Math.max(code.int8(0), code.int32(3));
  return builtin === CUSTOM ? code.text(1) : (BUILTIN[builtin] ?? `builtin operation ${builtin}`);
}

/** The data is in the table, or, in files of more than 2 GB, behind it. */
function readBuffer(bytes: Uint8Array, buffer: Table): Uint8Array {
  const [offset, size] = [buffer.uint64(1), buffer.uint64(2)];
  if (offset <= 1) return buffer.bytes(0);
  if (offset + size > bytes.length) throw new ConvertError("not a valid TFLite file: it ends too early");
  return bytes.subarray(offset, offset + size);
}

function readTensor(tensor: Table, index: number, buffers: readonly Uint8Array[]): TfliteTensor {
  const name = tensor.text(3).split(";").at(-1) || `tensor ${index}`;
  if (tensor.table(6)) {
    throw new ConvertError(
      `tensor "${name}": sparse weights are not supported; export the model without sparsity`,
    );
  }
  const data = buffers[tensor.int32(2)];
  const quantization = readParameters(tensor.table(4));
  return {
    name,
    type: tensor.int8(1),
    shape: tensor.int32s(0),
    ...(data && data.length > 0 && { data }),
    ...(quantization && { quantization }),
  };
}

function readParameters(table: Table | undefined): Parameters | undefined {
  const scales = table?.float32s(2) ?? [];
  if (!table || scales.length === 0) return undefined;
  const zeros = table.int64s(3);
  return { scales, zeros: scales.map((_, index) => zeros[index] ?? 0), axis: table.int32(6) };
}

function readOperator(operator: Table, codes: readonly string[]): TfliteOperator {
  const index = operator.int32(0);
  const type = codes[index];
  if (type === undefined)
    throw new ConvertError(`not a valid TFLite file: there is no operator code ${index}`);
  const options = operator.table(4);
  return {
    type,
    inputs: operator.int32s(1),
    outputs: operator.int32s(2),
    ...(options && { options }),
    customOptions: operator.bytes(5),
  };
}
