import { bytesOf, type Op, type Size, type Tensor, type Values } from "../../src/ops.js";

/** The quantisation and the size of an activation tensor, without its values. */
export type Shape = Tensor & Size;

/** An activation tensor at one input size. */
export interface Activation extends Shape {
  /** [height, width, channels] */
  readonly values: Values;
}

/** One operation: the values of its output, [output.height, output.width, output.channels]. */
export type Reference = (op: Op, inputs: readonly Activation[], output: Shape) => Values;

/** Zeros for the values of a tensor. */
export function emptyValues(shape: Shape): Values {
  const length = shape.height * shape.width * shape.channels;
  return bytesOf(shape) === 2 ? new Int16Array(length) : new Int8Array(length);
}
