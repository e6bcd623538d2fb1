/** The files that the engines read: the same network in every format, and a picture of 512 x 512 pixels. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Model, parseModel } from "../src/model.js";
import { Segmenter } from "../src/segmenter.js";
import { referenceInput } from "../tools/reference/run.js";
import { drawStreet } from "../tools/sample.js";
import { networkOf } from "./networks/layers.js";
import { onnxNetwork } from "./networks/onnx.js";
import { tfjsNetwork } from "./networks/tfjs.js";
import { tfliteNetwork } from "./networks/tflite.js";

export const SIDE = 512;

/** What all engines have in common. */
export interface Prepared {
  readonly model: Model;
  readonly modelBytes: Uint8Array;
  /** Of the model file, hexadecimal. */
  readonly sha256: string;
  /** The mask that is right: class ids, [512, 512]. */
  readonly mask: Uint8Array;
}

/** Writes all files of the network into a folder. @throws ModelError for a damaged file, RangeError for a network
 *  that cannot be written for the others */
export async function prepare(path: string, folder: string): Promise<Prepared> {
  const modelBytes = new Uint8Array(readFileSync(path));
  const model = parseModel(modelBytes);
  const network = networkOf(model, SIDE, SIDE);
  mkdirSync(folder, { recursive: true });
  const write = (name: string, bytes: Uint8Array | string) => writeFileSync(join(folder, name), bytes);
  write("model.aseg", modelBytes);
  for (const numbers of ["f32", "u8", "s8"] as const) {
    write(`model.${numbers}.onnx`, onnxNetwork(network, numbers));
  }
  write("model.f32.tflite", tfliteNetwork(network, "f32"));
  write("model.s8.tflite", tfliteNetwork(network, "s8"));
  const graph = tfjsNetwork(network);
  write("model.bin", graph.weightData);
  const weightsManifest = [{ paths: ["model.bin"], weights: graph.weightSpecs }];
  const { modelTopology } = graph;
  write("model.json", JSON.stringify({ format: "graph-model", modelTopology, weightsManifest }));

  const levels = picture();
  write("picture.rgb", levels);
  const segmenter = await Segmenter.load(modelBytes, { width: SIDE, height: SIDE, variant: "scalar" });
  const { mask } = segmenter.segment({ data: levels, width: SIDE, height: SIDE, channels: 3 });
  const sha256 = createHash("sha256").update(modelBytes).digest("hex");
  return { model, modelBytes, sha256, mask };
}

/** The drawn street, uint8 [512, 512, 3]. */
function picture(): Uint8Array {
  const { data, width, height, channels } = drawStreet();
  const input = referenceInput(data, width, height, channels as 1 | 3 | 4, SIDE, SIDE);
  return Uint8Array.from(input, (value) => value + 128);
}
