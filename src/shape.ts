import { ModelError } from "./errors.js";
import * as format from "./format.js";
import type { Model } from "./model.js";
import { kindOf, type Op, type Size, sameSize } from "./ops.js";

/** Most bytes that one activation tensor may take. */
const MAX_TENSOR_BYTES = 1 << 28;
/** Most pixels that global average pooling may sum without overflow of an int32: 255 * 2^23 < 2^31. */
const MAX_POOLED_PIXELS = 1 << 23;

/**
 * Height and width of every tensor, by id, for an input of the given size.
 *
 * @throws ModelError if the operations do not fit together at this size
 */
export function inferSizes(model: Pick<Model, "tensors" | "ops">, height: number, width: number): Size[] {
  const sizes: Size[] = [];
  model.ops.forEach((op, index) => {
    const kind = kindOf(op);
    const inputs = op.inputs.map((id) => sizes[id]!);
    const size = op.code === format.INPUT ? { height, width } : kind.size(op.attributes, inputs);
    const fault = findFault(op, inputs, size, model.tensors[op.output]!.channels);
    if (fault) {
      throw new ModelError(`op ${index} (${kind.name}): ${fault} at an input of ${width}x${height}`);
    }
    sizes[op.output] = size;
  });
  return sizes;
}

function findFault(op: Op, inputs: readonly Size[], size: Size, channels: number): string | undefined {
  if (size.height < 1 || size.width < 1) return "the output has no pixels";
  if (size.height > format.MAX_SIDE || size.width > format.MAX_SIDE) {
    return `the output of ${size.width}x${size.height} is larger than ${format.MAX_SIDE} a side`;
  }
  if (size.height * size.width * channels > MAX_TENSOR_BYTES) return "the output does not fit in memory";
  const [first, second] = inputs;
  switch (op.code) {
    case format.GLOBAL_AVERAGE_POOL:
      return first!.height * first!.width > MAX_POOLED_PIXELS ? "too many pixels to average" : undefined;
    case format.GATE: {
      const factor = op.attributes.numerator;
      const fits = first!.height === second!.height * factor && first!.width === second!.width * factor;
      return fits ? undefined : `the attention of ${text(second!)} is not 1/${factor} of ${text(first!)}`;
    }
    case format.ADD:
    case format.MULTIPLY: {
      const fits = sameSize(first!, second!) || (second!.height === 1 && second!.width === 1);
      return fits ? undefined : `sizes ${text(first!)} and ${text(second!)} differ`;
    }
    case format.CONCAT:
      return inputs.every((input) => sameSize(input, first!)) ? undefined : "the inputs differ in size";
    default:
      return undefined;
  }
}

function text(size: Size): string {
  return `${size.width}x${size.height}`;
}
