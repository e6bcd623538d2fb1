/**
 * Enlargement (or shrinking, without a filter) to the size of the output:
 *   nearest:  output[y, x, c] = requantize(input[floor(y * m' / n'), floor(x * m / n), c] - zero, multiplier)
 *   bilinear: output[y, x, c] = requantize(sum - D' D zero, multiplier / f32(D' D))
 *     sum = (D' - w') (D - w) q00 + (D' - w') w q01 + w' (D - w) q10 + w' w q11
 *   where multiplier = input scale / output scale, m and n are the sizes of input and output on an axis, primed the
 *   vertical one, w in D-ths the place between two pixels
 *
 * input   int8 [m', m, channels]
 * output  int8 [n', n, channels]
 *
 * |sum - D' D zero| < 2^30, since D <= 2^11 and |q - zero| < 2^8.
 */
import { BILINEAR, BILINEAR_ALIGNED, BILINEAR_ASYMMETRIC, NEAREST } from "../../src/format.js";
import type { Op } from "../../src/ops.js";
import type { Activation, Shape } from "./activation.js";
import { ratio, requantize } from "./requantize.js";

export function resize(op: Op, [input]: readonly Activation[], output: Shape): Int8Array {
  return op.attributes.mode === NEAREST
    ? nearest(input!, output)
    : bilinear(op.attributes.mode, input!, output);
}

function nearest(input: Activation, output: Shape): Int8Array {
  const { channels } = output;
  const multiplier = ratio(input.scale, output.scale);
  const result = new Int8Array(output.height * output.width * channels);
  let at = 0;
  for (let y = 0; y < output.height; y++) {
    for (let x = 0; x < output.width; x++) {
      const row = Math.floor((y * input.height) / output.height);
      const column = Math.floor((x * input.width) / output.width);
      for (let c = 0; c < channels; c++) {
        const q = input.values[(row * input.width + column) * channels + c]!;
        result[at++] = requantize(q - input.zero, multiplier, output);
      }
    }
  }
  return result;
}

function bilinear(mode: number, input: Activation, output: Shape): Int8Array {
  const { channels } = output;
  const depthY = depth(mode, input.height, output.height);
  const depthX = depth(mode, input.width, output.width);
  const multiplier = ratio(ratio(input.scale, output.scale), depthY * depthX);
  const result = new Int8Array(output.height * output.width * channels);
  let at = 0;
  for (let y = 0; y < output.height; y++) {
    const down = place(mode, y, input.height, output.height, depthY);
    for (let x = 0; x < output.width; x++) {
      const across = place(mode, x, input.width, output.width, depthX);
      for (let c = 0; c < channels; c++) {
        const sum = interpolate(input, down, across, depthY, depthX, c);
        result[at++] = requantize(sum - depthY * depthX * input.zero, multiplier, output);
      }
    }
  }
  return result;
}

/** Where an output row or column lies between two of the input: `weight` D-ths of the way from first to second. */
interface Place {
  readonly first: number;
  readonly second: number;
  readonly weight: number;
}

/** D, the fractions that a position on an axis of m input and n output pixels is rounded to. */
export function depth(mode: number, m: number, n: number): number {
  if (mode === BILINEAR && n === 2 * m) return 4;
  if (mode === BILINEAR && n === 4 * m) return 8;
  return 2048;
}

/** The place of output index i on an axis of m input and n output pixels. */
export function place(mode: number, i: number, m: number, n: number, depth: number): Place {
  // p = numerator / denominator, the real position
  let numerator = 0;
  let denominator = 1;
  if (mode === BILINEAR) {
    numerator = (2 * i + 1) * m - n;
    denominator = 2 * n;
  } else if (mode === BILINEAR_ALIGNED && n > 1) {
    numerator = i * (m - 1);
    denominator = n - 1;
  } else if (mode === BILINEAR_ASYMMETRIC) {
    numerator = i * m;
    denominator = n;
  }
  numerator = Math.min(Math.max(numerator, 0), (m - 1) * denominator);
  const position = Math.floor((2 * numerator * depth + denominator) / (2 * denominator));
  const first = Math.floor(position / depth);
  return { first, second: Math.min(first + 1, m - 1), weight: position - first * depth };
}

/** The sum of the four neighbours at the two places, times depthY * depthX. */
export function interpolate(
  { values, width, channels }: Pick<Activation, "values" | "width" | "channels">,
  down: Place,
  across: Place,
  depthY: number,
  depthX: number,
  channel: number,
): number {
  const q = (row: number, column: number): number => values[(row * width + column) * channels + channel]!;
  return (
    (depthY - down.weight) * (depthX - across.weight) * q(down.first, across.first) +
    (depthY - down.weight) * across.weight * q(down.first, across.second) +
    down.weight * (depthX - across.weight) * q(down.second, across.first) +
    down.weight * across.weight * q(down.second, across.second)
  );
}
