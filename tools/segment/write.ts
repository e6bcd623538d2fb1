/** The files that segmenting an image makes. */
import { dirname, join } from "node:path";
import { overlay, type Segmenter } from "../../src/index.js";
import { isFolder, isNewer, makeFolder, removeLeftovers, STANDARD, writeBytes } from "../common/files.js";
import type { DecodedImage } from "../image/index.js";
import { encodePng } from "../image/png.js";
import type { ImageFile } from "./find.js";

/** Where results go and how. */
export interface Destination {
  /** A folder, or "-" for the mask alone on standard output. */
  readonly folder: string;
  /** Of the colours laid over the image, 0..1. */
  readonly opacity: number;
}

/** Paths of the results of an image of this name. */
function resultPaths(folder: string, name: string): { mask: string; overlay: string } {
  return { mask: join(folder, `${name}.mask.png`), overlay: join(folder, `${name}.overlay.png`) };
}

/**
 * Writes NAME.mask.png, class ids with the model's colours as palette, and NAME.overlay.png.
 *
 * @param mask class ids [height, width] of the image
 * @returns the paths of both, none of what went to standard output
 * @throws UserError that names the file that could not be written
 */
export function writeResults(
  { palette }: Segmenter,
  image: DecodedImage,
  mask: Uint8Array,
  name: string,
  { folder, opacity }: Destination,
): { mask?: string; overlay?: string } {
  const { width, height } = image;
  const indices = encodePng({ data: mask, width, height, channels: 1 }, palette);
  if (folder === STANDARD) {
    writeBytes(STANDARD, indices);
    return {};
  }
  const paths = resultPaths(folder, name);
  makeFolder(dirname(paths.mask));
  writeBytes(paths.mask, indices);
  const data = overlay(image, mask, palette, opacity);
  writeBytes(paths.overlay, encodePng({ data, width, height, channels: 3 }));
  return paths;
}

/** The paths of an image's results, if they are newer than the image and the model file. */
export function findResults(
  { path, name }: ImageFile,
  folder: string,
  model: string,
): { mask: string; overlay: string } | undefined {
  const paths = resultPaths(folder, name);
  const isDone = Object.values(paths).every((result) => isNewer(result, path) && isNewer(result, model));
  return isDone ? paths : undefined;
}

/** Removes results that a killed run left half-written below a folder. */
export function removeHalves(folder: string, files: readonly ImageFile[]): void {
  const folders = new Set(files.map(({ name }) => dirname(resultPaths(folder, name).mask)));
  for (const path of folders) if (isFolder(path)) removeLeftovers(path, /\.(mask|overlay)\.png$/);
}
