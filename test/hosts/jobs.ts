import { existsSync, readFileSync } from "node:fs";
import { parseModel } from "../../src/model.js";
import type { Model } from "../../src/ops.js";
import { defaultModel } from "../../tools/common/package.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { probability } from "../../tools/reference/probability.js";
import { referenceInput, referenceMask, referenceSizes, runReference } from "../../tools/reference/run.js";
import { drawStreet } from "../../tools/sample/index.js";
import { buildFixture } from "../fixtures/fixture.js";
import { Random } from "../fixtures/random.js";
import { decodeBase64, type Hashes, type Job, type JobImage, join } from "./probe.js";
import { sha256 } from "./sha256.js";

/** Width, height, channels of the images that must be resized: smaller, larger, odd, grey, with alpha. */
const SIZES: readonly (readonly [number, number, number])[] = [
  [31, 17, 3],
  [130, 97, 4],
  [64, 200, 1],
  [1, 1, 3],
];

/** Models and images of the host tests. */
export interface Jobs {
  /** Test network and one image of its input size, so that hosts which cannot resize take part. */
  readonly fixture: Job;
  /** Test network and images of other sizes. */
  readonly sizes: Job;
  /** The same, asked for probabilities. */
  readonly probabilities: Job;
  /** The model of the package, where it is there, and a drawn street of its input size. */
  readonly model?: Job;
}

/** Makes all jobs. */
export function makeJobs(): Jobs {
  const random = new Random(7);
  const noise = (width: number, height: number, channels: number): JobImage => {
    return { data: encode(random.uint8(width * height * channels)), width, height };
  };
  const model = buildFixture(1, true);
  const bytes = encode(writeModel(model));
  const fixture = { name: "fixture", model: bytes, images: [noise(model.width, model.height, 3)] };
  const sizes = { name: "sizes", model: bytes, images: SIZES.map((size) => noise(...size)) };
  return {
    fixture,
    sizes,
    probabilities: { ...sizes, name: "probabilities", probabilities: true },
    ...(existsSync(defaultModel()) ? { model: shippedJob(readFileSync(defaultModel())) } : {}),
  };
}

function shippedJob(bytes: Uint8Array): Job {
  const { width, height } = parseModel(bytes);
  return { name: "model", model: encode(bytes), images: [street(width, height)] };
}

/** The drawn street at another size: for each pixel the nearest of the original. */
function street(width: number, height: number): JobImage {
  const whole = drawStreet();
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * whole.height) / height);
    for (let x = 0; x < width; x++) {
      const at = 3 * (row * whole.width + Math.floor(((x + 0.5) * whole.width) / width));
      data.set(whole.data.subarray(at, at + 3), 3 * (y * width + x));
    }
  }
  return { data: encode(data), width, height };
}

/** What the reference makes of the jobs with the test network: which all hosts are compared with. */
export function referenceHashes({ fixture, sizes, probabilities }: Jobs): Hashes {
  return Object.fromEntries(
    [fixture, sizes, probabilities].map((job) => [job.name, { reference: referenceHash(job) }]),
  );
}

function referenceHash({ model, images, probabilities = false }: Job): string {
  const network = parseModel(decodeBase64(model));
  return sha256(join(images.map((image) => referenceOutput(network, image, probabilities))));
}

function referenceOutput(
  model: Model,
  { data, width, height }: JobImage,
  probabilities: boolean,
): Uint8Array {
  const pixels = decodeBase64(data);
  const channels = (pixels.length / (width * height)) as 1 | 3 | 4;
  const input = referenceInput(pixels, width, height, channels, model.width, model.height);
  const tensors = runReference(model, input, model.height, model.width);
  const logits = model.ops.at(-1)!.inputs[0]!;
  const size = referenceSizes(model, model.height, model.width)[logits]!;
  const { channels: classes, scale } = model.tensors[logits]!;
  return probabilities
    ? probability(tensors[logits]!, size, classes, scale, "max", { height, width })
    : referenceMask(tensors[logits]!, size, classes, height, width);
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
