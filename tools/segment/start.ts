/** What `npm start` runs: segments the photos given, or a street drawn by code. */
import { join } from "node:path";
import { isExpected, messageOf, UsageError } from "../common/errors.js";
import { makeFolder, stem, writeBytes, writeOutput } from "../common/files.js";
import { defaultModel } from "../common/package.js";
import { type Picture, readPicture } from "../image/index.js";
import { encodePng } from "../image/png.js";
import { drawStreet } from "../sample/index.js";
import { describe } from "./command.js";
import { loadSegmenter, segmentPicture, writeResults } from "./index.js";

const FOLDER = "out";
const OPACITY = 0.5;

async function main(photos: readonly string[]): Promise<void> {
  if (photos.some((photo) => photo.startsWith("-"))) throw new UsageError("usage: npm start [-- PHOTO...]");
  const segmenter = await loadSegmenter(defaultModel());
  makeFolder(FOLDER);
  const run = (path: string, picture: Picture) => {
    const { width, height } = picture;
    const { mask, shares, milliseconds } = segmentPicture(segmenter, picture);
    const paths = writeResults(FOLDER, stem(path), segmenter, picture, mask, OPACITY);
    writeOutput(describe({ photo: path, width, height, milliseconds, shares, ...paths }));
  };
  if (photos.length === 0) {
    const street = drawStreet();
    const path = join(FOLDER, "street.png");
    writeBytes(path, encodePng(street));
    run(path, street);
  }
  for (const photo of photos) run(photo, await readPicture(photo));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!isExpected(error)) throw error;
  process.stderr.write(`attendseg: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
