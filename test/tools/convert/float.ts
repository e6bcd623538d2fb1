/** What the passes make of a float file, compared with onnxruntime before anything is quantized. */
import { loadGraph } from "../../../tools/convert/load.js";
import type { GraphOptions } from "../../../tools/convert/onnx/load.js";
import { lower } from "../../../tools/convert/passes/index.js";
import { calibrate, sharedTensors } from "../../../tools/convert/quantize/calibrate.js";
import { openSession } from "../../../tools/convert/runtime.js";
import { evaluate } from "./evaluate.js";
import { images } from "./onnx-builder.js";

/**
 * The largest error of the logits for an image of soft blobs, a share of their largest deviation from their mean; NaN
 * where onnxruntime has no logits like ours, or such that are no numbers.
 *
 * @param options folder where external data of the file lies (default: this one), size where the file leaves it open
 */
export async function loweredError(bytes: Uint8Array, options: GraphOptions = {}): Promise<number> {
  const loaded = loadGraph(bytes, { folder: ".", ...options });
  const graph = lower(loaded.graph);
  const session = await openSession(loaded, sharedTensors(loaded, graph), true, graph.layouts);
  const image = images(1, loaded.width, loaded.height)[0]!;
  const none = (): void => {};
  const found = calibrate(session, loaded, graph, [image], {}, new Set(), none);
  const { samples } = await found.finally(() => session.release());
  const pixels = image.length / 3;
  const planes = Float32Array.from(
    image,
    (_, at) => image[3 * (at % pixels) + Math.floor(at / pixels)]! / 255,
  );
  const { shape, data } = evaluate(graph, planes);
  const { logits } = samples[0]!;
  if (!logits) return Number.NaN;
  const [channels, height, width] = shape;
  const mean = logits.reduce((sum, value) => sum + value, 0) / logits.length;
  let [error, spread] = [0, 0];
  logits.forEach((value, at) => {
    const got = data[(at % channels) * height * width + Math.floor(at / channels)]!;
    error = Math.max(error, Math.abs(value - got));
    spread = Math.max(spread, Math.abs(value - mean));
  });
  return error / spread;
}
