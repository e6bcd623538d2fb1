/**
 * Convolution:
 *   output[y, x, o] = requantize(bias[o] + sum over ky, kx, i of
 *                       input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, g * n + i]
 *                       * weights[o, ky, kx, i],
 *                     (input scale * scales[o]) / output scale)
 *   where n = inChannels / groups, g = the group of o; a tap outside the input counts as the input's zero point
 *
 * input    int8  [height, width, inChannels]
 * weights  int8  [outChannels, kernelHeight, kernelWidth, n]
 * bias     int32 [outChannels]              the input zero point is folded in
 * scales   f32   [outChannels]              of the weights
 * table    int8  [1024], or none            activation: see `finished`
 * output   int8, or int16 if it is wide, [rows, width, outChannels]
 *
 * Sums are int32 and wrap around.
 */
import type { Op, Values } from "../../src/ops.js";
import { type Activation, emptyValues, type Shape } from "./activation.js";
import { finished } from "./requantize.js";

export function convolution(op: Op, [input]: readonly Activation[], output: Shape): Values {
  const { height, width, channels, zero, values } = input!;
  const { kernelHeight, kernelWidth, strideY, strideX, dilationY, dilationX, padTop, padLeft, groups } =
    op.attributes;
  const inPerGroup = channels / groups;
  const outPerGroup = output.channels / groups;
  const result = emptyValues(output);
  let at = 0;
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      for (let o = 0; o < output.channels; o++) {
        const firstChannel = Math.floor(o / outPerGroup) * inPerGroup;
        let sum = op.bias[o]!;
        let weight = o * kernelHeight * kernelWidth * inPerGroup;
        for (let ky = 0; ky < kernelHeight; ky++) {
          for (let kx = 0; kx < kernelWidth; kx++) {
            const row = y * strideY + ky * dilationY - padTop;
            const column = x * strideX + kx * dilationX - padLeft;
            const inside = row >= 0 && row < height && column >= 0 && column < width;
            const pixel = (row * width + column) * channels + firstChannel;
            for (let i = 0; i < inPerGroup; i++) {
              const q = inside ? values[pixel + i]! : zero;
              sum = (sum + q * op.weights[weight++]!) | 0;
            }
          }
        }
        result[at++] = finished(sum, o, op, input!, output);
      }
    }
  }
  return result;
}
