/**
 * Max pooling:
 *   output[y, x, c] = the largest of
 *     input[y * strideY + ky * dilationY - padTop, x * strideX + kx * dilationX - padLeft, c]
 *   over the taps inside the input, or the output's min where none is inside
 *
 * input   int8 [height, width, channels]
 * output  int8 [rows, width, channels]      same scale and zero point
 */
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";

export function maxPool(op: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  const { height, width, channels, values } = input!;
  const { kernelHeight, kernelWidth, strideY, strideX, dilationY, dilationX, padTop, padLeft } =
    op.attributes;
  const result = new Int8Array(output.height * output.width * channels);
  let at = 0;
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      for (let c = 0; c < channels; c++) {
        let largest = Number.NEGATIVE_INFINITY;
        for (let ky = 0; ky < kernelHeight; ky++) {
          for (let kx = 0; kx < kernelWidth; kx++) {
            const row = y * strideY + ky * dilationY - padTop;
            const column = x * strideX + kx * dilationX - padLeft;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            largest = Math.max(largest, values[(row * width + column) * channels + c]!);
          }
        }
        result[at++] = largest === Number.NEGATIVE_INFINITY ? output.min : largest;
      }
    }
  }
  return result;
}
