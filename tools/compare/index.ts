/** A model file against the ONNX file it came from: layer by layer, with onnxruntime as the comparator. */
import type { Model } from "../../src/ops.js";
import type { Images } from "../convert/feed.js";
import { loadGraph } from "../convert/load.js";
import { type CompareOptions, type Differences, MaskAgreement } from "./comparator.js";
import { openFloat } from "./float.js";
import { openQuantized } from "./quantized.js";

/** What comparing has to tell; keys of `attendseg compare --json`. */
export interface Comparison extends Differences {
  readonly kind: "float" | "quantized";
  /** Images that both were run on. */
  readonly pictures: number;
  readonly width: number;
  readonly height: number;
  /** Share of all pixels, at the input's size, whose class is the same. */
  readonly maskAgreement: number;
}

/**
 * Compares a model file with the ONNX file it was converted from.
 *
 * @param bytes of the ONNX file
 * @param images at the model's default size
 * @throws ConvertError if the ONNX file cannot be read or run, RangeError if an image has another size
 */
export async function compare(
  bytes: Uint8Array,
  model: Model,
  images: Images,
  options: CompareOptions = {},
): Promise<Comparison> {
  const { width, height } = model;
  const { folder } = options;
  const loaded = loadGraph(bytes, { width, height, ...(folder !== undefined && { folder }) });
  const isQuantized = loaded.model.nodes.some((node) => node.type === "DequantizeLinear");
  const agreement = new MaskAgreement(model);
  const open = isQuantized ? openQuantized : openFloat;
  const comparator = await open(loaded, model, options, agreement);
  let done = 0;
  try {
    for await (const image of images) {
      if (image.length !== width * height * 3) {
        throw new RangeError(`an image of ${width}x${height} expected, got ${image.length} bytes`);
      }
      await comparator.add(image);
      options.onImage?.(++done);
    }
  } finally {
    await comparator.release();
  }
  return {
    kind: isQuantized ? "quantized" : "float",
    pictures: done,
    width,
    height,
    ...comparator.differences(),
    maskAgreement: agreement.share,
  };
}
