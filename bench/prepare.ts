/** The files that the engines read: the same network in every format, and an image of 512 x 512 pixels. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseModel } from "../src/model.js";
import type { Model } from "../src/ops.js";
import { Segmenter } from "../src/segmenter.js";
import { readBytes } from "../tools/common/files.js";
import { convert } from "../tools/convert/index.js";
import { chooseEvenly, findFrames } from "../tools/data/frames.js";
import { type DecodedImage, readImage } from "../tools/image/index.js";
import { referenceInput } from "../tools/reference/run.js";
import { drawStreet } from "../tools/sample/index.js";
import { type PreparedLayer, prepareLayers } from "./layers/prepare.js";
import { networkOf } from "./networks/layers.js";
import { onnxNetwork } from "./networks/onnx.js";
import { tfjsNetwork } from "./networks/tfjs.js";
import { tfliteNetwork } from "./networks/tflite.js";

export const SIDE = 512;

/** What all engines have in common. */
export interface Prepared {
  readonly model: Model;
  /** Of the model file, hexadecimal. */
  readonly sha256: string;
  /** The mask that is right: class ids, [512, 512]. */
  readonly mask: Uint8Array;
  readonly layers: readonly PreparedLayer[];
  /** Files of frames, levels [512, 512, 3]. */
  readonly frames: readonly string[];
}

/** Where images for a comparison of all builds come from, and how many of them. */
export interface FrameFolder {
  readonly folder: string;
  readonly count: number;
}

/**
 * Writes all files of the networks into a folder.
 *
 * @throws ModelError for a damaged file, RangeError for a network that cannot be written for the others
 */
export async function prepare(path: string, folder: string, source?: FrameFolder): Promise<Prepared> {
  const modelBytes = new Uint8Array(readBytes(path));
  const model = parseModel(modelBytes);
  const network = networkOf(model, SIDE, SIDE);
  mkdirSync(folder, { recursive: true });
  const write = (name: string, bytes: Uint8Array | string) => writeFileSync(join(folder, name), bytes);
  write("model.aseg", modelBytes);
  for (const numbers of ["f32", "u8", "s8"] as const) {
    write(`model.${numbers}.onnx`, onnxNetwork(network, numbers));
  }
  const eightBits = await convert(onnxNetwork(networkOf(model, SIDE, SIDE, false), "s8", "logits"));
  write("model.8.aseg", eightBits.bytes);
  write("model.f32.tflite", tfliteNetwork(network, "f32"));
  write("model.s8.tflite", tfliteNetwork(network, "s8"));
  const graph = tfjsNetwork(network);
  write("model.bin", graph.weightData);
  const weightsManifest = [{ paths: ["model.bin"], weights: graph.weightSpecs }];
  const { modelTopology } = graph;
  write("model.json", JSON.stringify({ format: "graph-model", modelTopology, weightsManifest }));

  const street = drawStreet();
  const levels = levelsOf(street, SIDE);
  write("image.rgb", levels);
  const segmenter = await Segmenter.load(modelBytes, { width: SIDE, height: SIDE, variant: "scalar" });
  const { mask } = segmenter.segment({ data: levels, width: SIDE, height: SIDE, channels: 3 });
  const sha256 = createHash("sha256").update(modelBytes).digest("hex");
  segmenter.dispose();
  const layers = await prepareLayers(folder, (side) => levelsOf(street, side));
  const frames: string[] = [];
  for (const { path } of source ? chooseEvenly(findFrames(source.folder), source.count) : []) {
    const name = `frame-${frames.length}.rgb`;
    write(name, levelsOf(await readImage(path), SIDE));
    frames.push(name);
  }
  return { model, sha256, mask, layers, frames };
}

/** An image as levels, uint8 [side, side, 3]. */
function levelsOf({ data, width, height, channels }: DecodedImage, side: number): Uint8Array {
  const input = referenceInput(data, width, height, channels as 1 | 3 | 4, side, side);
  return Uint8Array.from(input, (value) => value + 128);
}
