import type { Op, Size, Tensor } from "../../src/ops.js";

/** The quantisation and the size of an activation tensor, without its values. */
export type Shape = Tensor & Size;

/** An activation tensor at one input size. */
export interface Activation extends Shape {
  /** int8 [height, width, channels] */
  readonly values: Int8Array;
}

/** One operation: the values of its output, int8 [output.height, output.width, output.channels]. */
export type Reference = (op: Op, inputs: readonly Activation[], output: Shape) => Int8Array;
