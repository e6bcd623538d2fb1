/** Constants of a TFLite file as numbers. */
import { ConvertError } from "../errors.js";
import { halfToFloat } from "../onnx/stored.js";
import {
  FLOAT16,
  FLOAT32,
  INT8,
  INT32,
  INT64,
  type Parameters,
  type TfliteTensor,
  typeName,
  UINT8,
} from "./read.js";

/** A constant tensor: shape in the order of the file, and its numbers. */
export interface Stored {
  readonly shape: readonly number[];
  readonly type: number;
  /** Integers where the file holds integers, with their quantization. */
  readonly values: ArrayLike<number>;
  readonly quantization?: Parameters;
}

interface Reader {
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
}

const READERS: Readonly<Record<number, Reader>> = {
  [FLOAT32]: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  [FLOAT16]: { bytes: 2, read: (view, at) => halfToFloat(view.getUint16(at, true)) },
  [INT32]: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  [UINT8]: { bytes: 1, read: (view, at) => view.getUint8(at) },
  [INT64]: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  [INT8]: { bytes: 1, read: (view, at) => view.getInt8(at) },
};

/**
 * The numbers of a tensor that has data.
 *
 * @throws ConvertError if its type is not supported or its length is not that of its shape
 */
export function readStored({ name, type, shape, data, quantization }: TfliteTensor): Stored {
  const reader = READERS[type];
  if (!reader) throw new ConvertError(`tensor "${name}": ${typeName(type)} constants are not supported`);
  const bytes = data!;
  const count = sizeOf(shape);
  if (bytes.length !== count * reader.bytes) {
    throw new ConvertError(`tensor "${name}": ${count * reader.bytes} bytes expected, ${bytes.length} found`);
  }
  if (quantization) checkParameters(name, quantization, shape);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Float64Array.from({ length: count }, (_, at) => reader.read(view, at * reader.bytes));
  return { shape, type, values, ...(quantization && { quantization }) };
}

/** @throws ConvertError if scales are not positive, or not one, or one for each index of their axis */
export function checkParameters(name: string, { scales, axis }: Parameters, shape: readonly number[]): void {
  if (!scales.every((scale) => Number.isFinite(scale) && scale > 0)) {
    throw new ConvertError(`tensor "${name}": a scale of its quantization is not a positive number`);
  }
  if (scales.length > 1 && scales.length !== shape[axis]) {
    throw new ConvertError(`tensor "${name}": ${scales.length} scales do not fit axis ${axis} of [${shape}]`);
  }
}

/** The real numbers of a constant. */
export function realNumbers({ shape, values, quantization }: Stored): Float32Array {
  if (!quantization) return Float32Array.from(values);
  const { scales, zeros, axis } = quantization;
  const inner = sizeOf(shape.slice(axis + 1));
  return Float32Array.from(values, (value, at) => {
    const c = scales.length === 1 ? 0 : Math.floor(at / inner) % scales.length;
    return scales[c]! * (value - zeros[c]!);
  });
}

/** The constant with its axes in another order: `order[i]` is the old axis of the new axis i. */
export function transposed(stored: Stored, order: readonly number[]): Stored {
  const { shape, values, quantization } = stored;
  const steps = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const sizes = order.map((axis) => shape[axis]!);
  const result = new Float64Array(values.length);
  const index = sizes.map(() => 0);
  for (let at = 0; at < result.length; at++) {
    result[at] = values[order.reduce((sum, axis, i) => sum + steps[axis]! * index[i]!, 0)]!;
    for (let i = index.length - 1; i >= 0 && ++index[i]! === sizes[i]; i--) index[i] = 0;
  }
  const moved = quantization && { ...quantization, axis: Math.max(0, order.indexOf(quantization.axis)) };
  return { ...stored, shape: sizes, values: result, ...(moved && { quantization: moved }) };
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
