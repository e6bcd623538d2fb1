/** Known tensors: making them, and reading them at other shapes. */
import { ConvertError } from "../errors.js";
import { type Constant, describe, type Node, type Numbers } from "../graph.js";
import * as onnx from "./read.js";

/** An array of the kind that holds the element type. */
export function arrayOf(type: number, content: number | readonly number[]): Numbers {
  const make = <T>(kind: { new (length: number): T; new (values: readonly number[]): T }): T =>
    typeof content === "number" ? new kind(content) : new kind(content);
  if (type === onnx.FLOAT || type === onnx.FLOAT16) return make(Float32Array);
  if (type === onnx.INT8) return make(Int8Array);
  if (type === onnx.UINT8 || type === onnx.BOOL) return make(Uint8Array);
  if (type === onnx.INT16) return make(Int16Array);
  if (type === onnx.UINT16) return make(Uint16Array);
  if (type === onnx.INT32) return make(Int32Array);
  return make(Float64Array);
}

/** Number of elements of a shape; a bound against absurd constants. */
export function count(dims: readonly number[], node: Node): number {
  const product = dims.reduce((total, size) => total * size, 1);
  if (!(product >= 0 && product <= 2 ** 24))
    throw new ConvertError(`${describe(node)}: the shape is not valid`);
  return product;
}

/** Elements from one index of each axis to the next. */
export function strides(dims: readonly number[]): number[] {
  const result = new Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--) result[axis] = result[axis + 1]! * dims[axis + 1]!;
  return result;
}

/** A constant of shape `dims` whose element at each index is `source` at the offset that `at` gives. */
export function gather(
  node: Node,
  source: Constant,
  dims: readonly number[],
  at: (index: number[]) => number,
): Constant {
  const values = arrayOf(source.type, count(dims, node));
  const index = new Array<number>(dims.length).fill(0);
  for (let position = 0; position < values.length; position++) {
    const from = at(index);
    if (!(from >= 0 && from < source.values.length)) {
      throw new ConvertError(`${describe(node)}: an index lies outside`);
    }
    values[position] = source.values[from]!;
    for (let axis = dims.length - 1; axis >= 0 && ++index[axis]! === dims[axis]; axis--) index[axis] = 0;
  }
  return { dims, type: source.type, values };
}

/** The shape that two shapes broadcast to. */
export function broadcast(node: Node, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ConvertError(`${describe(node)}: shapes [${a.join(", ")}] and [${b.join(", ")}] do not fit`);
    }
    return x === 1 ? y : x;
  });
}

/** A constant repeated to a shape that it broadcasts to. */
export function expand(node: Node, source: Constant, dims: readonly number[]): Constant {
  const step = strides(source.dims);
  const shift = dims.length - source.dims.length;
  return gather(node, source, dims, (index) =>
    source.dims.reduce((sum, size, axis) => sum + (size === 1 ? 0 : index[axis + shift]! * step[axis]!), 0),
  );
}
