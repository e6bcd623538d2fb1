/** Windows of convolutions and poolings, with everything implied made explicit. */
import { ConvertError } from "../errors.js";
import { describe, listOf, type Node, numberOf, stringOf } from "../graph.js";

/** Window of a convolution or pooling with everything implied made explicit. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  readonly size: readonly [number, number];
}

/**
 * The window of a Conv, MaxPool or AveragePool over an input of [1, channels, height, width]: `auto_pad` is
 * turned into padding, and where `ceil_mode` gives one more window, the padding grows to hold it.
 */
export function windowOf(node: Node, input: readonly number[], kernel: readonly number[]): Window {
  const strides = listOf(node, "strides", 2, 1);
  const dilations = listOf(node, "dilations", 2, 1);
  const pads = listOf(node, "pads", 4, 0);
  const size: number[] = [];
  const mode = stringOf(node, "auto_pad", "NOTSET");
  for (const axis of [0, 1]) {
    const length = input[2 + axis]!;
    const stride = strides[axis]!;
    const span = dilations[axis]! * (kernel[axis]! - 1) + 1;
    if (!(stride >= 1 && span >= 1))
      throw new ConvertError(`${describe(node)}: strides or dilations below 1`);
    if (mode === "SAME_UPPER" || mode === "SAME_LOWER") {
      const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + span - length);
      const less = Math.floor(total / 2);
      pads[axis] = mode === "SAME_UPPER" ? less : total - less;
      pads[axis + 2] = total - pads[axis]!;
    } else if (mode === "VALID") {
      pads[axis] = 0;
      pads[axis + 2] = 0;
    }
    const rest = length + pads[axis]! + pads[axis + 2]! - span;
    size[axis] = Math.floor(rest / stride) + 1;
    const begins = size[axis]! * stride < length + pads[axis]!;
    if (numberOf(node, "ceil_mode", 0) !== 0 && rest % stride !== 0 && begins) {
      pads[axis + 2]! += stride - (rest % stride);
      size[axis]!++;
    }
    if (!(rest >= 0)) throw new ConvertError(`${describe(node)}: the window is larger than its input`);
    if (pads[axis]! < 0 || pads[axis + 2]! < 0) throw new ConvertError(`${describe(node)}: negative padding`);
  }
  return { kernel, strides, dilations, pads, size } as unknown as Window;
}

/** The window of a ConvTranspose: what it adds beyond each end, and the size of its output. */
export interface TransposedWindow {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Cropped from the full output at top, left, bottom and right; negative where rows or columns are added. */
  readonly crops: readonly number[];
  readonly size: readonly number[];
}

/** The window of a ConvTranspose with `auto_pad`, `output_shape` and `output_padding` made explicit. */
export function transposedWindowOf(
  node: Node,
  input: readonly number[],
  kernel: readonly number[],
): TransposedWindow {
  const strides = listOf(node, "strides", 2, 1);
  const dilations = listOf(node, "dilations", 2, 1);
  const pads = listOf(node, "pads", 4, 0);
  const extra = listOf(node, "output_padding", 2, 0);
  const requested = node.attributes.output_shape as readonly number[] | undefined;
  const mode = stringOf(node, "auto_pad", "NOTSET");
  const crops = [0, 0, 0, 0];
  const size = [0, 1].map((axis) => {
    const stride = strides[axis]!;
    const full = (input[2 + axis]! - 1) * stride + dilations[axis]! * (kernel[axis]! - 1) + 1;
    const isSame = mode.startsWith("SAME");
    const wanted = requested?.at(axis - 2) ?? (isSame ? input[2 + axis]! * stride : undefined);
    if (wanted === undefined) {
      crops[axis] = mode === "VALID" ? 0 : pads[axis]!;
      crops[axis + 2] = (mode === "VALID" ? 0 : pads[axis + 2]!) - extra[axis]!;
      return full - crops[axis]! - crops[axis + 2]!;
    }
    const total = full + extra[axis]! - wanted;
    const less = Math.floor(total / 2);
    crops[axis] = mode === "SAME_UPPER" ? less : total - less;
    crops[axis + 2] = total - crops[axis]! - extra[axis]!;
    return wanted;
  });
  if (!size.every((side) => side >= 1)) throw new ConvertError(`${describe(node)}: its output is empty`);
  return { strides, dilations, crops, size };
}
