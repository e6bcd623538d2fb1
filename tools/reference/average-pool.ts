/**
 * Average pooling:
 *   output[y, x, c] = requantize(sum over the taps inside the input of (q - zero), (input scale / output scale) / n)
 *   where q = input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, c]
 *   and n = the taps inside (mode 0; at least 1) or kernelHeight * kernelWidth (mode 1)
 *
 * input   int8 [height, width, channels]
 * output  int8 [rows, width, channels]
 *
 * |sum| < 2^24, since |q - zero| < 2^8 and there are fewer than 2^16 taps.
 */
import { COUNT_INSIDE } from "../../src/format.js";
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { ratio, requantize } from "./requantize.js";

export function averagePool(op: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  const { height, width, channels, zero, values } = input!;
  const { kernelHeight, kernelWidth, strideY, strideX, dilationY, dilationX, padTop, padLeft, mode } =
    op.attributes;
  const result = new Int8Array(output.height * output.width * channels);
  let at = 0;
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let inside = 0;
        for (let ky = 0; ky < kernelHeight; ky++) {
          for (let kx = 0; kx < kernelWidth; kx++) {
            const row = y * strideY + ky * dilationY - padTop;
            const column = x * strideX + kx * dilationX - padLeft;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            sum += values[(row * width + column) * channels + c]! - zero;
            inside++;
          }
        }
        const count = mode === COUNT_INSIDE ? Math.max(inside, 1) : kernelHeight * kernelWidth;
        result[at++] = requantize(sum, ratio(ratio(input!.scale, output.scale), count), output);
      }
    }
  }
  return result;
}
