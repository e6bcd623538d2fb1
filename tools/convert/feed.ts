/** How images become the numbers that a network's input expects. */
import { isChannelsFirst } from "./onnx/load.js";
import { GREY } from "./passes/input.js";
import { INPUT_QUANTIZATION } from "./quantize/assign.js";

/** Images for a network: RGB levels 0..255, [height, width, 3] at the size of its input, one after the other. */
export type Images = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** What a network expects of colours. */
export interface Normalization {
  /** Taken off each of red, green and blue in 0..1 (default 0). */
  readonly mean?: readonly number[];
  /** What they are divided by then (default 1). */
  readonly std?: readonly number[];
  /** Order of the channels that the network reads; default RGB. */
  readonly order?: "RGB" | "BGR";
  /** Whether the network reads levels of 0..255, as one whose input is uint8 does; `mean` and `std` stay those of 0..1. */
  readonly isLevels?: boolean;
}

/**
 * An image as the numbers that an ONNX model reads: (rgb / 255 - mean) / std, or levels; of a model that reads one channel
 * the grey of each pixel.
 *
 * @param image levels 0..255 [height, width, 3]
 * @param shape of the model's input, [1, channels, height, width] or [1, height, width, channels]
 */
export function toFloats(
  image: Uint8Array,
  shape: readonly number[],
  { mean = [0], std = [1], order = "RGB", isLevels = false }: Normalization,
): Float32Array {
  const isFirst = isChannelsFirst(shape);
  const channels = shape[isFirst ? 1 : 3]!;
  const pixels = image.length / 3;
  const result = new Float32Array(pixels * channels);
  const scale = isLevels ? 255 : 1;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let c = 0; c < channels; c++) {
      const color = order === "BGR" ? channels - 1 - c : c;
      const level =
        channels === 1
          ? GREY.reduce((sum, share, i) => sum + share * image[3 * pixel + i]!, 0)
          : image[3 * pixel + color]!;
      const value = (level / 255 - (mean[color] ?? mean[0]!)) / (std[color] ?? std[0]!);
      result[isFirst ? c * pixels + pixel : channels * pixel + c] = scale * value;
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
