/** Tensors as an ONNX file stores them: in the file, or in another one next to it. */
import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { ConvertError } from "../errors.js";
import type { Constant, TypedArray } from "../graph.js";
import { arrayOf } from "./constants.js";
import * as onnx from "./read.js";

const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  [onnx.FLOAT]: 4,
  [onnx.UINT8]: 1,
  [onnx.INT8]: 1,
  [onnx.UINT16]: 2,
  [onnx.INT16]: 2,
  [onnx.INT32]: 4,
  [onnx.INT64]: 8,
  [onnx.BOOL]: 1,
  [onnx.FLOAT16]: 2,
  [onnx.DOUBLE]: 8,
};

/**
 * The numbers of a stored tensor.
 *
 * @param folder where external data lies
 * @throws ConvertError if the element type is not supported or the data is missing or of a wrong length
 */
export function readTensor(tensor: onnx.OnnxTensor, folder?: string): Constant {
  const where = `tensor "${tensor.name}"`;
  const size = ELEMENT_BYTES[tensor.type];
  if (size === undefined) throw new ConvertError(`${where}: element type ${tensor.type} is not supported`);
  const count = tensor.dims.reduce((product, dim) => product * dim, 1);
  if (!(count >= 0 && count < 2 ** 31))
    throw new ConvertError(`${where}: shape [${tensor.dims}] is not valid`);
  const { dims, type } = tensor;
  const raw = tensor.external ? readExternal(tensor, folder) : tensor.raw;
  if (!raw) {
    if (tensor.numbers.length !== count) {
      throw new ConvertError(`${where}: ${count} numbers expected, ${tensor.numbers.length} found`);
    }
    const numbers = type === onnx.FLOAT16 ? tensor.numbers.map(halfToFloat) : tensor.numbers;
    return { dims, type, values: arrayOf(type, numbers) };
  }
  if (raw.length !== count * size) {
    throw new ConvertError(`${where}: ${count * size} bytes expected, ${raw.length} found`);
  }
  return { dims, type, values: decode(raw, type, count) };
}

function decode(raw: Uint8Array, type: number, count: number): TypedArray {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const read: Readonly<Record<number, (at: number) => number>> = {
    [onnx.FLOAT]: (at) => view.getFloat32(4 * at, true),
    [onnx.UINT8]: (at) => view.getUint8(at),
    [onnx.INT8]: (at) => view.getInt8(at),
    [onnx.UINT16]: (at) => view.getUint16(2 * at, true),
    [onnx.INT16]: (at) => view.getInt16(2 * at, true),
    [onnx.INT32]: (at) => view.getInt32(4 * at, true),
    [onnx.INT64]: (at) => Number(view.getBigInt64(8 * at, true)),
    [onnx.BOOL]: (at) => view.getUint8(at),
    [onnx.FLOAT16]: (at) => halfToFloat(view.getUint16(2 * at, true)),
    [onnx.DOUBLE]: (at) => view.getFloat64(8 * at, true),
  };
  const values = arrayOf(type, count);
  const element = read[type]!;
  for (let at = 0; at < count; at++) values[at] = element(at);
  return values;
}

/** The float16 nearest to a number below 65504, as bits; numbers below 2^-14 become 0. */
export function floatToHalf(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size < 2 ** -14) return sign;
  const exponent = Math.floor(Math.log2(size));
  return sign + ((exponent + 15) << 10) + Math.round((size / 2 ** exponent - 1) * 1024);
}

/** The number that the bits of a float16 stand for. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/**
 * The bytes of a tensor that lies in another file of the model's folder.
 *
 * @throws ConvertError if there is no such file, or the location leads out of the folder
 */
export function readExternal(
  { name, external = {} }: onnx.OnnxTensor,
  folder: string | undefined,
): Uint8Array {
  const where = `tensor "${name}"`;
  if (folder === undefined) {
    throw new ConvertError(`${where}: its data is in another file; give the model as a file`);
  }
  const file = openSync(externalPath(external.location ?? "", folder, where), "r");
  try {
    const { size } = fstatSync(file);
    const offset = Number(external.offset ?? 0);
    const length = Number(external.length ?? size - offset);
    const isInside = Number.isInteger(offset) && offset >= 0 && length >= 0 && offset + length <= size;
    if (!isInside) throw new ConvertError(`${where}: its data lies outside "${external.location}"`);
    const bytes = new Uint8Array(length);
    readSync(file, bytes, 0, length, offset);
    return bytes;
  } finally {
    closeSync(file);
  }
}

function externalPath(location: string, folder: string, where: string): string {
  try {
    if (location === "" || isAbsolute(location)) throw new Error();
    const root = realpathSync(folder);
    const path = realpathSync(join(root, location));
    const inside = relative(root, path);
    if (
      !statSync(path).isFile() ||
      inside === "" ||
      inside === ".." ||
      inside.startsWith(`..${sep}`) ||
      isAbsolute(inside)
    )
      throw new Error();
    return path;
  } catch {
    throw new ConvertError(`${where}: there is no data file "${location}" in the model's folder`);
  }
}
