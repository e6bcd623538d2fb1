/** A worker thread of `attendseg segment`: gets photos, answers with reports. */
import { parentPort, workerData } from "node:worker_threads";
import { type LoadOptions, Segmenter } from "../../src/index.js";
import { type Destination, segmentPhoto } from "./index.js";
import type { Photo } from "./photos.js";

/** What a worker is started with. */
export interface WorkerData {
  /** The model file. */
  readonly model: Uint8Array;
  readonly options: LoadOptions;
  readonly destination: Destination;
}

const { model, options, destination } = workerData as WorkerData;
const segmenter = Segmenter.load(model, options);

parentPort!.on("message", async (photo: Photo) => {
  parentPort!.postMessage(await segmentPhoto(await segmenter, photo, destination));
});
