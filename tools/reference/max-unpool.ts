/**
 * What max pooling took from a window goes back to the place of its largest value, all else is zero:
 *   output[y, x, c] = input[y / strideY, x / strideX, c] where pooled[y, x, c] is the largest of its window, of equal
 *   ones the first by rows, else the zero point; quotients rounded down, pixels beyond the last whole window zero
 *
 * input   int8 [rows / strideY, columns / strideX, channels]
 * pooled  int8 [rows, columns, channels]                       what was pooled
 * output  int8 [rows, columns, channels]                       same scale and zero point as the input
 */
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";

export function maxUnpool(op: Op, [input, pooled]: readonly Activation[], output: Shape): Int8Array {
  const { strideY, strideX } = op.attributes;
  const { height, width, channels, values } = input!;
  const result = new Int8Array(output.height * output.width * channels).fill(output.zero);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let largest = -1;
        for (let row = y * strideY; row < (y + 1) * strideY; row++) {
          for (let column = x * strideX; column < (x + 1) * strideX; column++) {
            const at = (row * output.width + column) * channels + c;
            if (largest < 0 || pooled!.values[at]! > pooled!.values[largest]!) largest = at;
          }
        }
        result[largest] = values[(y * width + x) * channels + c]!;
      }
    }
  }
  return result;
}
