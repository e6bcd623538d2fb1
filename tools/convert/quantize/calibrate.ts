/** Ranges of a float model's activations, measured by running it in onnxruntime. */

import type { Graph } from "../graph.js";
import type { Loaded } from "../onnx/load.js";
import { openRunner, type Runner } from "../runtime.js";
import { PICTURE } from "./assign.js";
import { Histogram } from "./ranges.js";

/** Images to calibrate with: rgb of 0..255, [height][width][3] at the size of the network's input. */
export type Pictures = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** How pictures become the numbers that the file's input expects. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What calibration found. */
export interface Calibration {
  readonly histograms: ReadonlyMap<string, Histogram>;
  /** The first pictures, and the float model's scores for each, for measuring errors. */
  readonly kept: readonly { readonly picture: Uint8Array; readonly scores: Float32Array }[];
  readonly pictures: number;
}

/** Tensors of the lowered graph that the file has too, with their number of elements. */
export function sharedTensors({ model }: Loaded, graph: Graph): Map<string, number> {
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
  loaded: Loaded,
  tensors: ReadonlyMap<string, number>,
  folder: string | undefined,
): Promise<Runner> {
  const { inputShape } = loaded;
  const inputName = fileInput(loaded);
  return openRunner(bytes, { inputName, inputShape, folder, tensors, isLiteral: true });
}

/** Name of the file's input. */
export function fileInput({ model }: Loaded): string {
  const constants = new Set(model.initializers.map((tensor) => tensor.name));
  return model.inputs.find((input) => !constants.has(input.name))!.name;
}

/** A picture as float32 in the order of the input shape: (rgb / 255 - mean) / std. */
export function toFloats(
  picture: Uint8Array,
  shape: readonly number[],
  { mean, std }: Normalisation,
): Float32Array {
  const result = new Float32Array(picture.length);
  const isFirst = shape[1] === 3;
  const pixels = picture.length / 3;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let c = 0; c < 3; c++) {
      const value = (picture[3 * pixel + c]! / 255 - mean[c]!) / std[c]!;
      result[isFirst ? c * pixels + pixel : 3 * pixel + c] = value;
    }
  }
  return result;
}

/**
 * Runs the float model on all pictures.
 *
 * @param keep how many pictures to keep for measuring errors
 * @param onPicture is told the number of pictures done
 * @throws ConvertError if onnxruntime refuses the model, RangeError if a picture has another size
 */
export async function calibrate(
  runner: Runner,
  loaded: Loaded,
  graph: Graph,
  pictures: Pictures,
  normalisation: Normalisation,
  keep: number,
  onPicture: (done: number) => void,
): Promise<Calibration> {
  const histograms = new Map<string, Histogram>();
  const kept: { picture: Uint8Array; scores: Float32Array }[] = [];
  const input = fileInput(loaded);
  const add = (name: string, values: Float32Array): void => {
    if (!histograms.has(name)) histograms.set(name, new Histogram());
    histograms.get(name)!.add(values);
  };
  let done = 0;
  for await (const picture of pictures) {
    const expected = loaded.width * loaded.height * 3;
    if (picture.length !== expected)
      throw new RangeError(`a picture of ${expected} bytes expected, got ${picture.length}`);
    const feed = toFloats(picture, loaded.inputShape, normalisation);
    if (input !== graph.input) add(input, feed);
    await runner.run(feed, (name, { data }) => {
      add(name, data as Float32Array);
      if (name === graph.output && kept.length < keep) {
        kept.push({ picture: Uint8Array.from(picture), scores: Float32Array.from(data) });
      }
    });
    onPicture(++done);
  }
  return { histograms, kept, pictures: done };
}

/** The colours 0..255 of a picture as the int8 input of a model: rgb - 128. */
export function toInput(picture: Uint8Array): Int8Array {
  return Int8Array.from(picture, (value) => value + PICTURE.zero);
}
