/** Memory that operations need for themselves while they run, and the choice between the two dense convolutions. */
import { align } from "./allocate.js";
import * as format from "./format.js";
import type { Model, Op, Size } from "./ops.js";
import { directRowBytes, type Kernel, packingOf } from "./pack.js";
import * as record from "./record.js";

/**
 * What computes an operation (the field `KERNEL` of its record, without the kind of dot product): of the two dense
 * convolutions the one that needs less memory.
 */
export function kernelOf(op: Op, model: Model, sizes: readonly Size[]): Kernel {
  switch (op.code) {
    case format.POINTWISE:
      return record.POINTWISE_KERNEL;
    case format.DEPTHWISE:
      return record.DEPTHWISE_KERNEL;
    case format.CONVOLUTION: {
      const { groups, dilationX } = op.attributes;
      const bytes = (kernel: Kernel) => scratchOf(op, kernel, model, sizes);
      const fits =
        groups === 1 && dilationX === 1 && bytes(record.DIRECT_KERNEL) <= bytes(record.IM2COL_KERNEL);
      return fits ? record.DIRECT_KERNEL : record.IM2COL_KERNEL;
    }
    default:
      return op.code;
  }
}

/**
 * Bytes that an operation needs for itself; convolutions as much as their most demanding dot product does.
 *
 * @param image the largest that `input` resizes, or undefined where nothing is resized
 */
export function scratchOf(
  op: Op,
  kernel: Kernel,
  model: Model,
  sizes: readonly Size[],
  image?: Size,
): number {
  const [first = op.output, second] = op.inputs;
  const output = sizes[op.output]!;
  const input = sizes[first]!;
  const inChannels = model.tensors[first]!.channels;
  const a = op.attributes;
  const { depth } = packingOf(op, kernel, model, 2);
  switch (kernel) {
    case format.INPUT:
      return image ? imageScratch(output, image).bytes : 0;
    case record.POINTWISE_KERNEL:
      return matmulBytes(Math.max(output.width, record.BATCH), depth);
    case record.IM2COL_KERNEL:
      return align(output.width * depth + 16) + matmulBytes(output.width, depth);
    case record.DIRECT_KERNEL:
      return a.kernelHeight * directRowBytes(op, model, sizes, 2) + matmulBytes(0, depth);
    case record.DEPTHWISE_KERNEL:
      return (
        record.COLUMN *
        (output.width * a.strideX + a.kernelWidth * a.dilationX) *
        Math.ceil(a.kernelHeight / 2)
      );
    case format.GLOBAL_AVERAGE_POOL:
      return 4 * inChannels;
    case format.GROUP_NORM:
      return 24 * inChannels;
    case format.GATE:
      return 4 * sizes[second!]!.width * inChannels + record.SLACK_BYTES;
    case format.RESIZE:
      return 4 * input.width * inChannels + 8 * output.width + record.SLACK_BYTES;
    case format.ARGMAX:
      // of assembly/mask.ts, of assembly/probability.ts
      return Math.max(
        align(4 * (input.width + 1)) + 4 * input.width * inChannels + record.SLACK_BYTES,
        record.TABLE_BYTES + 4 * (input.width + 1) + 2 * input.width,
      );
    default:
      return 0;
  }
}

/** Pixels and one block of weights as int16: see assembly/matmul.ts. */
function matmulBytes(pixels: number, depth: number): number {
  return 2 * (pixels + record.BLOCK) * depth + record.SLACK_BYTES;
}

/**
 * Parts of the scratch of `input`, as offsets: one image row, weights across, rows already resized across.
 *
 * @param size of the input tensor
 * @param image the largest image
 */
export function imageScratch(
  size: Size,
  image: Size,
): {
  weights: number;
  rows: number;
  rowCount: number;
  bytes: number;
} {
  const rowCount = Math.ceil((2 * image.height) / size.height) + 3;
  // the weights down take the place of the image row
  const weights = align(4 * Math.max(image.width, rowCount) + record.SLACK_BYTES);
  const rows = align(weights + 4 * (2 * image.width + 5 * size.width));
  return { weights, rows, rowCount, bytes: rows + rowCount * size.width * 3 + record.SLACK_BYTES };
}
