/**
 * Depthwise convolution:
 *   output[y, x, c] = requantize(bias[c] + sum over ky, kx of
 *                       input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, c]
 *                       * weights[c, ky, kx],
 *                     (input scale * scales[c]) / output scale)
 *   where a tap outside the input counts as the input's zero point
 *
 * input    int8  [height, width, channels]
 * weights  int8  [channels, kernelHeight, kernelWidth]
 * bias     int32 [channels]                 the input zero point is folded in
 * scales   f32   [channels]                 of the weights
 * table    int8  [1024], or none            activation: see `finished`
 * output   int8  [rows, width, channels]
 *
 * Sums are int32 and wrap around.
 */
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { finished } from "./requantize.js";

export function depthwise(op: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  const { height, width, channels, zero, values } = input!;
  const { kernelHeight, kernelWidth, strideY, strideX, dilationY, dilationX, padTop, padLeft } =
    op.attributes;
  const result = new Int8Array(output.height * output.width * channels);
  let at = 0;
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = op.bias[c]!;
        let weight = c * kernelHeight * kernelWidth;
        for (let ky = 0; ky < kernelHeight; ky++) {
          for (let kx = 0; kx < kernelWidth; kx++) {
            const row = y * strideY + ky * dilationY - padTop;
            const column = x * strideX + kx * dilationX - padLeft;
            const inside = row >= 0 && row < height && column >= 0 && column < width;
            const q = inside ? values[(row * width + column) * channels + c]! : zero;
            sum = (sum + q * op.weights[weight++]!) | 0;
          }
        }
        result[at++] = finished(sum, c, op, input!, output);
      }
    }
  }
  return result;
}
