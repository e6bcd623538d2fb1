import { expectModel } from "./errors.js";
import * as format from "./format.js";
import { kindOf, type Model, type Op, type Size, sameSize } from "./ops.js";

/** Most taps of one frame, products and pooled values: some minutes of work. */
const MAX_TAPS = 2 ** 40;
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
  let work = 0;
  model.ops.forEach((op, index) => {
    const kind = kindOf(op);
    const { channels } = model.tensors[op.output]!;
    const inputs = op.inputs.map((id) => sizes[id]!);
    const size = op.code === format.INPUT ? { height, width } : kind.size(op.attributes, inputs);
    const inChannels = model.tensors[op.inputs[0] ?? op.output]!.channels;
    const { kernelHeight, kernelWidth } = op.attributes;
    work +=
      (kind.taps?.(op.attributes, inChannels) ?? kernelHeight * kernelWidth) *
      size.height *
      size.width *
      channels;
    const fault = findFault(op, inputs, size, channels) || (work > MAX_TAPS && "too much work");
    expectModel(!fault, `op ${index} (${kind.name}): ${fault} at an input of ${width}x${height}`);
    sizes[op.output] = size;
  });
  return sizes;
}

/** Why an operation cannot run at these sizes, or false. */
function findFault(op: Op, inputs: readonly Size[], size: Size, channels: number): string | false {
  const longest = Math.max(size.height, size.width);
  const bytes = size.height * size.width * channels;
  if (Math.min(size.height, size.width) < 1 || longest > format.MAX_SIDE || bytes > MAX_TENSOR_BYTES) {
    return `an output of ${text(size)} with ${channels} channels`;
  }
  return !fits(op, inputs) && `inputs of ${inputs.map(text).join(" and ")} do not fit`;
}

/** Whether an operation can take inputs of these sizes. */
function fits({ code, attributes: a }: Op, inputs: readonly Size[]): boolean {
  const [first, second] = inputs as [Size, Size];
  switch (code) {
    case format.GLOBAL_AVERAGE_POOL:
      return first.height * first.width <= MAX_POOLED_PIXELS;
    case format.GATE:
      return sameSize(first, { height: second.height * a.numerator, width: second.width * a.numerator });
    case format.ADD:
    case format.MULTIPLY:
      return sameSize(first, second) || second.height * second.width === 1;
    case format.PAD: {
      const rows = Math.max(a.padTop, a.padBottom);
      const columns = Math.max(a.padLeft, a.padRight);
      return a.mode !== format.PAD_REFLECT || (rows < first.height && columns < first.width);
    }
    case format.MAX_UNPOOL: {
      const height = Math.floor(second.height / a.strideY);
      return sameSize(first, { height, width: Math.floor(second.width / a.strideX) });
    }
    case format.CONCAT:
      return inputs.every((input) => sameSize(input, first));
    default:
      return true;
  }
}

function text(size: Size): string {
  return `${size.width}x${size.height}`;
}
