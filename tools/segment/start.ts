/** What `npm start` runs: segments the images given, or a street drawn by code. */
import { join } from "node:path";
import { isExpected, messageOf, UsageError } from "../common/errors.js";
import { makeFolder, stem, writeBytes, writeError, writeOutput } from "../common/files.js";
import { loadSegmenter } from "../common/model.js";
import { defaultModel } from "../common/package.js";
import { type DecodedImage, readImage } from "../image/index.js";
import { encodePng } from "../image/png.js";
import { drawStreet } from "../sample/index.js";
import { segmentImage } from "./index.js";
import { describe } from "./report.js";

const DESTINATION = { folder: "out", opacity: 0.5 };

async function main(paths: readonly string[]): Promise<void> {
  if (paths.some((path) => path.startsWith("-"))) throw new UsageError("usage: npm start [-- PHOTO...]");
  const segmenter = await loadSegmenter(defaultModel());
  const run = (path: string, image: DecodedImage) =>
    writeOutput(describe(segmentImage(segmenter, image, { path, name: stem(path) }, DESTINATION)));
  if (paths.length === 0) {
    const street = drawStreet();
    const path = join(DESTINATION.folder, "street.png");
    makeFolder(DESTINATION.folder);
    writeBytes(path, encodePng(street));
    run(path, street);
  }
  for (const path of paths) run(path, await readImage(path));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!isExpected(error)) throw error;
  writeError(`attendseg: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
