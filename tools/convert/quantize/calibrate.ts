/** A float model's activations, observed while it runs in onnxruntime. */
import { type Images, type Normalization, toFloats } from "../feed.js";
import type { Graph } from "../graph.js";
import type { LoadedGraph } from "../onnx/load.js";
import { channelsLast, type Session } from "../runtime.js";
import { Observer } from "./observer.js";

/** An image, levels 0..255, and the float model's logits for it, [height, width, classes]. */
export interface Sample {
  readonly image: Uint8Array;
  readonly logits: Float32Array;
}

/** What calibration found. */
export interface Calibration {
  readonly observers: ReadonlyMap<string, Observer>;
  /** The first images, for measuring errors. */
  readonly samples: readonly Sample[];
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

/**
 * Runs the float model on all images.
 *
 * @param float the file, open for its `sharedTensors`
 * @param graph the lowered graph
 * @param scalable tensors that get a histogram of each channel
 * @param most how many samples to keep
 * @param onImage is told the number of images done
 * @throws ConvertError if onnxruntime refuses the model, RangeError if an image has another size
 */
export async function calibrate(
  float: Session,
  loaded: LoadedGraph,
  graph: Graph,
  images: Images,
  normalization: Normalization,
  scalable: ReadonlySet<string>,
  most: number,
  onImage: (done: number) => void,
): Promise<Calibration> {
  const observers = new Map<string, Observer>();
  const samples: Sample[] = [];
  const input = loaded.graph.input;
  const add = (name: string, channels: number, values: Float32Array): void => {
    if (!observers.has(name)) observers.set(name, new Observer(channels, scalable.has(name)));
    observers.get(name)!.add(values);
  };
  let done = 0;
  for await (const image of images) {
    const expected = loaded.width * loaded.height * 3;
    if (image.length !== expected)
      throw new RangeError(`an image of ${expected} bytes expected, got ${image.length}`);
    const feed = toFloats(image, loaded.inputShape, normalization);
    add(input, 3, toFloats(image, [1, 3, loaded.height, loaded.width], normalization));
    await float.run(feed, (name, { dims, data }) => {
      add(name, dims[1] ?? 1, data as Float32Array);
      if (name === graph.output && samples.length < most) {
        const logits = channelsLast(dims, data, 0, new Float32Array(data.length));
        samples.push({ image: Uint8Array.from(image), logits });
      }
    });
    onImage(++done);
  }
  return { observers, samples, images: done };
}
