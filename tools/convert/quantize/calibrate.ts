/** Ranges of a float model's activations, measured by running it in onnxruntime. */

import type { Graph } from "../graph.js";
import type { LoadedGraph } from "../onnx/load.js";
import { openRunner, type Runner } from "../runtime.js";
import { INPUT_QUANTIZATION } from "./assign.js";
import { Histogram } from "./ranges.js";

/** Images to calibrate with: rgb of 0..255, [height][width][3] at the size of the network's input. */
export type Images = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** How images become the numbers that the file's input expects. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What calibration found. */
export interface Calibration {
  readonly histograms: ReadonlyMap<string, Histogram>;
  /** The first images, and the float model's scores for each, for measuring errors. */
  readonly kept: readonly { readonly image: Uint8Array; readonly scores: Float32Array }[];
  readonly images: number;
}

/** Tensors of the lowered graph that the file has too, with their number of elements. */
export function sharedTensors({ model }: LoadedGraph, graph: Graph): Map<string, number> {
  const written = new Set(model.nodes.flatMap((node) => node.outputs));
  const result = new Map<string, number>();
  for (const tensor of new Set([...graph.nodes.flatMap((node) => node.outputs[0]!), graph.output])) {
    if (!written.has(tensor)) continue;
    const elements = graph.shapes.get(tensor)!.reduce((product, size) => product * size, 1);
    result.set(tensor, elements);
  }
  return result;
}

/** A runner of the file's own float graph that gives out all tensors it shares with the lowered graph. */
export function openFloat(
  bytes: Uint8Array,
  loaded: LoadedGraph,
  tensors: ReadonlyMap<string, number>,
  folder: string | undefined,
): Promise<Runner> {
  const { inputShape } = loaded;
  const inputName = fileInput(loaded);
  return openRunner(bytes, { inputName, inputShape, folder, tensors, isLiteral: true });
}

/** Name of the file's input. */
export function fileInput({ model }: LoadedGraph): string {
  const constants = new Set(model.initializers.map((tensor) => tensor.name));
  return model.inputs.find((input) => !constants.has(input.name))!.name;
}

/** An image as float32 in the order of the input shape: (rgb / 255 - mean) / std. */
export function toFloats(
  image: Uint8Array,
  shape: readonly number[],
  { mean, std }: Normalization,
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

/**
 * Runs the float model on all images.
 *
 * @param keep how many images to keep for measuring errors
 * @param onImage is told the number of images done
 * @throws ConvertError if onnxruntime refuses the model, RangeError if an image has another size
 */
export async function calibrate(
  runner: Runner,
  loaded: LoadedGraph,
  graph: Graph,
  images: Images,
  normalization: Normalization,
  keep: number,
  onImage: (done: number) => void,
): Promise<Calibration> {
  const histograms = new Map<string, Histogram>();
  const kept: { image: Uint8Array; scores: Float32Array }[] = [];
  const input = fileInput(loaded);
  const add = (name: string, values: Float32Array): void => {
    if (!histograms.has(name)) histograms.set(name, new Histogram());
    histograms.get(name)!.add(values);
  };
  let done = 0;
  for await (const image of images) {
    const expected = loaded.width * loaded.height * 3;
    if (image.length !== expected)
      throw new RangeError(`an image of ${expected} bytes expected, got ${image.length}`);
    const feed = toFloats(image, loaded.inputShape, normalization);
    if (input !== graph.input) add(input, feed);
    await runner.run(feed, (name, { data }) => {
      add(name, data as Float32Array);
      if (name === graph.output && kept.length < keep) {
        kept.push({ image: Uint8Array.from(image), scores: Float32Array.from(data) });
      }
    });
    onImage(++done);
  }
  return { histograms, kept, images: done };
}

/** The colours 0..255 of an image as the int8 input of a model: rgb - 128. */
export function toInput(image: Uint8Array): Int8Array {
  return Int8Array.from(image, (value) => value + INPUT_QUANTIZATION.zero);
}
