/** A worker thread of `attendseg segment`: gets image files, answers with reports. */
import { parentPort, workerData } from "node:worker_threads";
import { type LoadOptions, Segmenter } from "../../src/index.js";
import type { DecodeOptions } from "../image/index.js";
import type { ImageFile } from "./find.js";
import { segmentFile } from "./index.js";
import type { Destination } from "./write.js";

/** What a worker is started with. */
export interface WorkerData {
  /** The model file. */
  readonly model: Uint8Array;
  readonly options: LoadOptions;
  readonly destination: Destination;
  readonly decode: DecodeOptions;
}

const { model, options, destination, decode } = workerData as WorkerData;
const segmenter = Segmenter.load(model, options);

parentPort!.on("message", async (file: ImageFile) => {
  parentPort!.postMessage(await segmentFile(await segmenter, file, destination, decode));
});
