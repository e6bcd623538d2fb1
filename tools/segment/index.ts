/** Pictures to masks and files: what `attendseg segment`, its workers and `npm start` share. */
import { dirname, join } from "node:path";
import { histogram, type LoadOptions, overlay, Segmenter } from "../../src/index.js";
import { isExpected, messageOf, UsageError, UserError } from "../common/errors.js";
import { isFolder, makeFolder, readBytes, removeLeftovers, STANDARD, writeBytes } from "../common/files.js";
import { type Picture, readPicture } from "../image/index.js";
import { encodePng } from "../image/png.js";
import type { Photo } from "./photos.js";

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

/** What became of one photo: an error, or everything else. */
export interface Report {
  readonly photo: string;
  readonly width?: number;
  readonly height?: number;
  readonly milliseconds?: number;
  /** Paths of what was written. */
  readonly mask?: string;
  readonly overlay?: string;
  readonly shares?: readonly Share[];
  /** The results were there already. */
  readonly skipped?: boolean;
  readonly error?: string;
}

/** Where results go and how. */
export interface Destination {
  /** A folder, or "-" for the mask alone on standard output. */
  readonly folder: string;
  /** Of the colours laid over the picture, 0..1. */
  readonly opacity: number;
}

/**
 * Loads a model file; "-" is standard input.
 *
 * @param bytes of the file, where they have been read before
 * @throws UserError that names the file
 */
export async function loadSegmenter(
  path: string,
  options: LoadOptions = {},
  bytes: Uint8Array = readBytes(path),
): Promise<Segmenter> {
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

/** Removes results that a killed run left half-written below a folder. */
export function removeHalves(folder: string, photos: readonly Photo[]): void {
  const folders = new Set(photos.map(({ name }) => dirname(join(folder, name))));
  for (const path of folders) if (isFolder(path)) removeLeftovers(path, /\.(mask|overlay)\.png$/);
}

/** The mask as a PNG file of class ids with the model's colours as its palette. */
export function encodeMask(segmenter: Segmenter, mask: Uint8Array, { width, height }: Picture): Uint8Array {
  return encodePng({ data: mask, width, height, channels: 1 }, segmenter.palette);
}

/** Paths of the results of a photo of this name. */
export function resultPaths(folder: string, name: string): { mask: string; overlay: string } {
  return { mask: join(folder, `${name}.mask.png`), overlay: join(folder, `${name}.overlay.png`) };
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
  const paths = resultPaths(folder, name);
  const data = overlay(picture, mask, segmenter.palette, opacity);
  writeBytes(paths.mask, encodeMask(segmenter, mask, picture));
  writeBytes(paths.overlay, encodePng({ data, width: picture.width, height: picture.height, channels: 3 }));
  return paths;
}

/** Reads, segments and writes one photo; a fault of the photo or of the folder becomes part of the report. */
export async function segmentPhoto(
  segmenter: Segmenter,
  { path, name }: Photo,
  { folder, opacity }: Destination,
): Promise<Report> {
  try {
    const picture = await readPicture(path);
    const { width, height } = picture;
    const { mask, shares, milliseconds } = segmentPicture(segmenter, picture);
    if (folder === STANDARD) {
      writeBytes(STANDARD, encodeMask(segmenter, mask, picture));
      return { photo: path, width, height, milliseconds, shares };
    }
    makeFolder(dirname(join(folder, name)));
    const paths = writeResults(folder, name, segmenter, picture, mask, opacity);
    return { photo: path, width, height, milliseconds, ...paths, shares };
  } catch (error) {
    if (!isExpected(error)) throw error;
    return { photo: path, error: messageOf(error) };
  }
}
