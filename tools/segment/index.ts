/** The way of an image: decode, segment, write. `attendseg segment`, its workers and `npm start` share it. */
import type { Segmenter } from "../../src/index.js";
import { isExpected, messageOf } from "../common/errors.js";
import { countShares } from "../common/shares.js";
import { type DecodedImage, type DecodeOptions, readImage } from "../image/index.js";
import type { ImageFile } from "./find.js";
import type { Report } from "./report.js";
import { type Destination, writeResults } from "./write.js";

/** Reads, segments and writes one image; a fault of the file or of the folder becomes the report. */
export async function segmentFile(
  segmenter: Segmenter,
  file: ImageFile,
  destination: Destination,
  options: DecodeOptions = {},
): Promise<Report> {
  const warnings: string[] = [];
  try {
    const image = await readImage(file.path, { ...options, onWarning: (warning) => warnings.push(warning) });
    const report = await segmentImage(segmenter, image, file, destination);
    return warnings.length > 0 ? { ...report, warnings } : report;
  } catch (error) {
    if (!isExpected(error)) throw error;
    return { photo: file.path, error: messageOf(error) };
  }
}

/**
 * Segments an image at its own size and writes the results.
 *
 * @throws UserError that names the file that could not be written
 */
export async function segmentImage(
  segmenter: Segmenter,
  image: DecodedImage,
  file: ImageFile,
  destination: Destination,
): Promise<Report> {
  const { width, height } = image;
  const start = performance.now();
  const { outputs, classes } = destination;
  const [only, ...others] = classes ?? [];
  const probabilities = only !== undefined && others.length === 0 ? only : "max";
  const found = segmenter.segment(image, outputs.includes("probability") ? { probabilities } : {});
  const { mask } = found;
  const milliseconds = performance.now() - start;
  const paths = await writeResults({ segmenter, image, ...found }, file, destination);
  const shares = countShares(mask, segmenter.classes)
    .filter(({ share }) => share > 0)
    .map(({ name, share }) => ({ name, share }));
  return { photo: file.path, width, height, milliseconds, ...paths, shares };
}
