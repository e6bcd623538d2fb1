/** Attributes of exported nodes. */
import { BILINEAR, BILINEAR_ALIGNED, NEAREST } from "../../../src/format.js";
import type { Attributes } from "../../../src/ops.js";
import type { OnnxAttribute } from "../onnx/read.js";

export const int = (value: number): OnnxAttribute => ({ kind: "int", value });
export const ints = (...value: number[]): OnnxAttribute => ({ kind: "ints", value });
const string = (value: string): OnnxAttribute => ({ kind: "string", value });

/** Attributes of a sliding window, but for its dilation. */
export function windowAttributes(a: Attributes): Record<string, OnnxAttribute> {
  return {
    kernel_shape: ints(a.kernelHeight, a.kernelWidth),
    strides: ints(a.strideY, a.strideX),
    pads: ints(a.padTop, a.padLeft, a.padBottom, a.padRight),
  };
}

/** Attributes of a Resize, by the mode of the model file. */
export function resizeAttributes(mode: number): Record<string, OnnxAttribute> {
  if (mode === NEAREST) {
    return {
      mode: string("nearest"),
      coordinate_transformation_mode: string("asymmetric"),
      nearest_mode: string("floor"),
    };
  }
  const positions = mode === BILINEAR_ALIGNED ? "align_corners" : "asymmetric";
  return {
    mode: string("linear"),
    coordinate_transformation_mode: string(mode === BILINEAR ? "half_pixel" : positions),
  };
}
