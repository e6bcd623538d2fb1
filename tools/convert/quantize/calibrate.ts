/** A float model's activations, observed while it runs in onnxruntime. */
import { channelsLast, type Images, type Normalization, toFloats } from "../feed.js";
import type { Graph, Measure, Scaled } from "../graph.js";
import { isChannelsFirst, type LoadedGraph } from "../onnx/load.js";
import type { Session } from "../runtime.js";
import { expectScale } from "./assign.js";
import { Observer } from "./observer.js";

/** Images that are kept as samples: at least, and until they have so many pixels. */
const SAMPLES = 4;
const SAMPLE_PIXELS = 2 ** 13;

/** An image, levels 0..255, and the float model's logits for it, [height, width, classes], where the file has them. */
export interface Sample {
  readonly image: Uint8Array;
  readonly logits?: Float32Array;
}

/** What calibration found. */
export interface Calibration {
  readonly observers: ReadonlyMap<string, Observer>;
  /** The first images, for measuring errors. */
  readonly samples: readonly Sample[];
  readonly images: number;
}

/** Tensors of the lowered graph that the file has too, with their number of elements. */
export function sharedTensors({ model, graph: file }: LoadedGraph, graph: Graph): Map<string, number> {
  const written = new Set(model.nodes.flatMap((node) => node.outputs));
  const result = new Map<string, number>();
  const measured = Array.from(graph.measures?.values() ?? [], ({ tensor }) => tensor);
  const own = [...graph.nodes.flatMap((node) => node.outputs[0]!), graph.output];
  for (const tensor of new Set([...own, ...measured])) {
    if (!written.has(tensor)) continue;
    const shape = graph.shapes.get(tensor) ?? file.shapes.get(tensor)!;
    const elements = shape.reduce((product, size) => product * size, 1);
    result.set(tensor, elements);
  }
  return result;
}

/** The values of a tensor before its channels were scaled and shifted; of channels scaled by almost nothing none. */
function undone(data: Float32Array, { factors, offsets, holdsZero }: Scaled): Float32Array {
  const plane = data.length / factors.length;
  const largest = Math.max(...factors.map(Math.abs));
  const result: number[] = holdsZero ? [0] : [];
  factors.forEach((factor, c) => {
    if (Math.abs(factor) < largest / 1000) return;
    for (let at = c * plane; at < (c + 1) * plane; at++) result.push((data[at]! - offsets[c]!) / factor);
  });
  return Float32Array.from(result);
}

/** Logits [height, width, 2] of a network of one class: 0, and its score less the bound. */
function ofTwo(data: Float32Array, { offsets }: Scaled): Float32Array {
  return Float32Array.from({ length: 2 * data.length }, (_, at) => (at % 2) * (data[at >> 1]! - offsets[0]!));
}

/**
 * Runs the float model on all images.
 *
 * @param float the file, open for its `sharedTensors`
 * @param graph the lowered graph
 * @param scalable tensors that get a histogram of each channel
 * @param onImage is told the number of images done
 * @throws ConvertError if onnxruntime refuses the model or values are too large, RangeError if an image has another size
 */
export async function calibrate(
  float: Session,
  loaded: LoadedGraph,
  graph: Graph,
  images: Images,
  normalization: Normalization,
  scalable: ReadonlySet<string>,
  onImage: (done: number) => void,
): Promise<Calibration> {
  const observers = new Map<string, Observer>();
  const samples: Sample[] = [];
  const most = Math.max(SAMPLES, Math.ceil(SAMPLE_PIXELS / (loaded.width * loaded.height)));
  const input = loaded.graph.input;
  const add = (name: string, channels: number, values: Float32Array): void => {
    if (!observers.has(name)) observers.set(name, new Observer(channels, channels > 1 && scalable.has(name)));
    const observer = observers.get(name)!;
    observer.add(values);
    expectScale(name, observer.span() / 255);
  };
  const measures = new Map<string, [string, Measure][]>();
  for (const [name, measure] of graph.measures ?? []) {
    measures.set(measure.tensor, [...(measures.get(measure.tensor) ?? []), [name, measure]]);
  }
  let done = 0;
  for await (const image of images) {
    const expected = loaded.width * loaded.height * 3;
    if (image.length !== expected)
      throw new RangeError(`an image of ${expected} bytes expected, got ${image.length}`);
    const feed = toFloats(image, loaded.inputShape, normalization);
    const channels = loaded.inputShape[isChannelsFirst(loaded.inputShape) ? 1 : 3]!;
    add(input, channels, toFloats(image, [1, channels, loaded.height, loaded.width], normalization));
    let logits: Float32Array | undefined;
    await float.run(feed, (name, { dims, data }) => {
      add(name, dims[1] ?? 1, data as Float32Array);
      for (const [derived, measure] of measures.get(name) ?? []) {
        const values = data as Float32Array;
        add(derived, 1, "of" in measure ? measure.of(values) : undone(values, measure));
        if (derived === graph.output && !("of" in measure)) logits = ofTwo(data as Float32Array, measure);
      }
      if (name === graph.output) logits = channelsLast(dims, data, 0, new Float32Array(data.length));
    });
    if (samples.length < most) samples.push({ image: Uint8Array.from(image), ...(logits && { logits }) });
    onImage(++done);
  }
  return { observers, samples, images: done };
}
