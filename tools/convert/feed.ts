/** How images become the numbers that a network's input expects. */
import { INPUT_QUANTIZATION } from "./quantize/assign.js";

/** Images for a network: RGB levels 0..255, [height, width, 3] at the size of its input, one after the other. */
export type Images = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** What a network expects taken off each of red, green and blue in 0..1 (default 0), and divided by (default 1). */
export interface Normalization {
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/**
 * An image as float32 for an ONNX model: (rgb / 255 - mean) / std.
 *
 * @param image levels 0..255 [height, width, 3]
 * @param shape of the model's input, [1, 3, height, width] or [1, height, width, 3]
 */
export function toFloats(
  image: Uint8Array,
  shape: readonly number[],
  { mean = [0, 0, 0], std = [1, 1, 1] }: Normalization,
): Float32Array {
  const result = new Float32Array(image.length);
  const isFirst = shape[1] === 3;
  const pixels = image.length / 3;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let c = 0; c < 3; c++) {
      const value = (image[3 * pixel + c]! / 255 - mean[c]!) / std[c]!;
      result[isFirst ? c * pixels + pixel : 3 * pixel + c] = value;
    }
  }
  return result;
}

/** The levels 0..255 of an image as the int8 input of a model: rgb - 128. */
export function toInput(image: Uint8Array): Int8Array {
  return Int8Array.from(image, (value) => value + INPUT_QUANTIZATION.zero);
}

/** A tensor of [1, channels, height, width] as [height, width, channels] in `result`, with `shift` added. */
export function channelsLast<T extends Int8Array | Float32Array>(
  dims: readonly number[],
  data: ArrayLike<number>,
  shift: number,
  result: T,
): T {
  const [, channels, height, width] = dims as [number, number, number, number];
  const plane = height * width;
  for (let c = 0; c < channels; c++) {
    for (let at = 0; at < plane; at++) result[at * channels + c] = data[c * plane + at]! + shift;
  }
  return result;
}
