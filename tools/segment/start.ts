/** What `npm start` runs: segments the images given, or a street drawn by code. */
import { join } from "node:path";
import { isExpected, messageOf, UsageError } from "../common/errors.js";
import { makeFolder, stem, writeBytes, writeError, writeOutput } from "../common/files.js";
import { loadSegmenter } from "../common/model.js";
import { defaultModel } from "../common/package.js";
import { type DecodedImage, readImage } from "../image/index.js";
import { encodePng } from "../image/png-encode.js";
import { drawStreet } from "../sample/index.js";
import { segmentImage } from "./index.js";
import { markOf } from "./marks.js";
import { describe } from "./report.js";
import { drawThumbnail } from "./thumbnail.js";
import type { Destination } from "./write.js";

const DESTINATION: Destination = {
  folder: "out",
  outputs: ["mask", "overlay"],
  opacity: 0.5,
  mark: markOf("start"),
};

async function main(paths: readonly string[]): Promise<void> {
  if (paths.some((path) => path.startsWith("-"))) throw new UsageError("usage: npm start [-- PHOTO...]");
  const segmenter = await loadSegmenter(defaultModel());
  const run = async (path: string, image: DecodedImage) => {
    const file = { path, name: stem(path) };
    const report = await segmentImage(segmenter, image, file, DESTINATION);
    await showOverlay(report.overlay!);
    writeOutput(describe(report));
  };
  if (paths.length === 0) {
    const street = drawStreet();
    const path = join(DESTINATION.folder, "street.png");
    makeFolder(DESTINATION.folder);
    writeBytes(path, encodePng(street));
    await run(path, street);
  }
  for (const path of paths) await run(path, await readImage(path));
}

/** Shows a written overlay in a terminal that takes 24-bit colours. */
async function showOverlay(path: string): Promise<void> {
  if (!process.stdout.isTTY || process.stdout.getColorDepth() < 24) return;
  process.stdout.write(drawThumbnail(await readImage(path), Math.min(80, process.stdout.columns)));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!isExpected(error)) throw error;
  writeError(`attendseg: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
