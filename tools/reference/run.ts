/**
 * The reference: a whole model by the most obvious code, straight from src/format.md. Kernels are compared with it,
 * so it is never made fast.
 */
import * as format from "../../src/format.js";
import { kindOf, type Model, type Size, type Values } from "../../src/ops.js";
import type { Activation, Reference } from "./activation.js";
import { add } from "./add.js";
import { argmax } from "./argmax.js";
import { averagePool } from "./average-pool.js";
import { concat } from "./concat.js";
import { convolution } from "./convolution.js";
import { depthToSpace } from "./depth-to-space.js";
import { depthwise } from "./depthwise.js";
import { gate } from "./gate.js";
import { globalAveragePool } from "./global-average-pool.js";
import { groupNorm } from "./group-norm.js";
import { lookup } from "./lookup.js";
import { maxPool } from "./max-pool.js";
import { maxUnpool } from "./max-unpool.js";
import { multiply } from "./multiply.js";
import { pad } from "./pad.js";
import { pointwise } from "./pointwise.js";
import { prelu } from "./prelu.js";
import { reduceMax } from "./reduce-max.js";
import { resize } from "./resize.js";

export { argmax as referenceMask } from "./argmax.js";
export { input as referenceInput } from "./input.js";

/** The operations between `input` and `argmax` by code. */
const REFERENCES: ReadonlyMap<number, Reference> = new Map<number, Reference>([
  [format.CONVOLUTION, convolution],
  [format.DEPTHWISE, depthwise],
  [format.POINTWISE, pointwise],
  [format.MAX_POOL, maxPool],
  [format.AVERAGE_POOL, averagePool],
  [format.GLOBAL_AVERAGE_POOL, globalAveragePool],
  [format.GATE, gate],
  [format.LOOKUP, lookup],
  [format.RESIZE, resize],
  [format.ADD, add],
  [format.MULTIPLY, multiply],
  [format.CONCAT, concat],
  [format.PAD, pad],
  [format.DEPTH_TO_SPACE, depthToSpace],
  [format.PRELU, prelu],
  [format.REDUCE_MAX, reduceMax],
  [format.GROUP_NORM, groupNorm],
  [format.MAX_UNPOOL, maxUnpool],
]);

/** The size of every tensor by id, for an input of `height` x `width` pixels. */
export function referenceSizes(model: Model, height: number, width: number): Size[] {
  const sizes: Size[] = [];
  for (const op of model.ops) {
    const inputs = op.inputs.map((id) => sizes[id]!);
    sizes[op.output] = op.code === format.INPUT ? { height, width } : kindOf(op).size(op.attributes, inputs);
  }
  return sizes;
}

/**
 * One operation; of `argmax` the classes at the resolution of the logits, as int8 (class 200 reads -56).
 *
 * @param inputs values of the operation's input tensors, in its order, each [height, width, channels]
 * @param sizes size of every tensor of the model by id
 * @returns the output tensor, [height, width, channels]
 * @throws RangeError for `input`, which has no input tensor
 */
export function referenceOp(
  model: Model,
  opIndex: number,
  inputs: readonly Values[],
  sizes: readonly Size[],
): Values {
  const op = model.ops[opIndex]!;
  const activations = op.inputs.map((id, slot): Activation => {
    return { ...model.tensors[id]!, ...sizes[id]!, values: inputs[slot]! };
  });
  if (op.code === format.ARGMAX) {
    const logits = activations[0]!;
    const mask = argmax(logits.values, logits, logits.channels, logits.height, logits.width);
    return new Int8Array(mask.buffer);
  }
  const reference = REFERENCES.get(op.code);
  if (!reference) throw new RangeError(`op ${opIndex}: there is no reference for ${kindOf(op).name}`);
  return reference(op, activations, { ...model.tensors[op.output]!, ...sizes[op.output]! });
}

/**
 * A whole model.
 *
 * @param input int8 [height, width, 3], as `referenceInput` gives it
 * @param height of the input in pixels, a multiple of the model's stride; so is `width`
 * @returns every tensor by id, [height, width, channels]
 */
export function runReference(model: Model, input: Int8Array, height: number, width: number): Values[] {
  const sizes = referenceSizes(model, height, width);
  const tensors: Values[] = [];
  model.ops.forEach((op, index) => {
    const inputs = op.inputs.map((id) => tensors[id]!);
    tensors[op.output] = op.code === format.INPUT ? input : referenceOp(model, index, inputs, sizes);
  });
  return tensors;
}
