/** Pictures to masks and files: what `attendseg segment` and `npm start` share. */
import { join } from "node:path";
import { histogram, type LoadOptions, overlay, Segmenter } from "../src/index.js";
import { isExpected, messageOf, UsageError, UserError } from "./errors.js";
import { readBytes, STANDARD, writeBytes } from "./files.js";
import type { Picture } from "./image/index.js";
import { encodePng } from "./image/png.js";

/** Part of a picture that a class covers. */
export interface Share {
  readonly name: string;
  /** 0..1 */
  readonly share: number;
}

export interface Segmented {
  /** Class ids, [height, width] of the picture. */
  readonly mask: Uint8Array;
  /** Classes that occur, the largest first. */
  readonly shares: readonly Share[];
  /** Time of `segment` alone, without reading and decoding. */
  readonly milliseconds: number;
}

/**
 * Loads a model file; "-" is standard input.
 *
 * @throws UserError that names the file
 */
export async function loadSegmenter(path: string, options: LoadOptions = {}): Promise<Segmenter> {
  const bytes = readBytes(path);
  const name = path === STANDARD ? "standard input" : path;
  try {
    return await Segmenter.load(bytes, options);
  } catch (error) {
    if (error instanceof RangeError && options.width !== undefined) {
      throw new UsageError(`--size ${options.width}x${options.height}: ${messageOf(error)}`);
    }
    if (isExpected(error)) throw new UserError(`${name}: ${messageOf(error)}`);
    throw error;
  }
}

/** Segments one picture at its own size. */
export function segmentPicture(segmenter: Segmenter, picture: Picture): Segmented {
  const start = performance.now();
  const { mask } = segmenter.segment(picture);
  const milliseconds = performance.now() - start;
  const counts = histogram(mask, segmenter.classes.length);
  const shares = segmenter.classes
    .map((name, id) => ({ name, share: counts[id]! / mask.length }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share);
  return { mask, shares, milliseconds };
}

/** The mask as a PNG file of class ids with the model's colours as its palette. */
export function encodeMask(segmenter: Segmenter, mask: Uint8Array, { width, height }: Picture): Uint8Array {
  return encodePng({ data: mask, width, height, channels: 1 }, segmenter.palette);
}

/**
 * Writes NAME.mask.png and NAME.overlay.png into a folder.
 *
 * @param opacity of the colours laid over the picture, 0..1
 * @returns the paths of both
 * @throws UserError that names the file that could not be written
 */
export function writeResults(
  folder: string,
  name: string,
  segmenter: Segmenter,
  picture: Picture,
  mask: Uint8Array,
  opacity: number,
): { mask: string; overlay: string } {
  const paths = { mask: join(folder, `${name}.mask.png`), overlay: join(folder, `${name}.overlay.png`) };
  const data = overlay(picture, mask, segmenter.palette, opacity);
  writeBytes(paths.mask, encodeMask(segmenter, mask, picture));
  writeBytes(paths.overlay, encodePng({ data, width: picture.width, height: picture.height, channels: 3 }));
  return paths;
}
