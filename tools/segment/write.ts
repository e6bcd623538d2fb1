/** The files that segmenting an image makes. */
import { basename, dirname, join } from "node:path";
import { isFolder, isNewer, makeFolder, removeLeftovers, STANDARD, writeBytes } from "../common/files.js";
import type { ImageFile } from "./find.js";
import { readMark } from "./marks.js";
import { type Output, type OutputOptions, type Result, render, suffixOf } from "./outputs.js";

/** Where results go and how. */
export interface Destination extends OutputOptions {
  /** A folder, or "-" for the one output on standard output. */
  readonly folder: string;
  readonly outputs: readonly Output[];
  /** What the results are marked with, see marks.ts. */
  readonly mark: string;
}

/** Paths of what was written. */
export type Paths = { readonly [output in Output]?: string };

function pathOf(output: Output, { path, name }: ImageFile, destination: Destination): string {
  return join(destination.folder, `${name}${suffixOf(output, path, destination)}`);
}

/**
 * Writes the outputs that were asked for.
 *
 * @returns their paths, none of what went to standard output
 * @throws UserError that names the file that could not be written
 */
export async function writeResults(
  result: Omit<Result, "mark" | "photo">,
  file: ImageFile,
  destination: Destination,
): Promise<Paths> {
  const { folder, outputs, mark } = destination;
  const paths: { [output in Output]?: string } = {};
  for (const output of outputs) {
    const path = folder === STANDARD ? STANDARD : pathOf(output, file, destination);
    const bytes = await render(output, { ...result, photo: basename(file.path), mark }, destination);
    if (path !== STANDARD) {
      makeFolder(dirname(path));
      paths[output] = path;
    }
    writeBytes(path, bytes);
  }
  return paths;
}

/** The paths of an image's results, if they are newer than the image and were made with the same model and options. */
export function findResults(file: ImageFile, destination: Destination): Paths | undefined {
  const paths = destination.outputs.map((output) => [output, pathOf(output, file, destination)] as const);
  const isDone = paths.every(([, path]) => isNewer(path, file.path) && readMark(path) === destination.mark);
  return isDone ? Object.fromEntries(paths) : undefined;
}

/** Removes results that a killed run left half-written. */
export function removeHalves(files: readonly ImageFile[], destination: Destination): void {
  const folders = new Set(files.map((file) => dirname(pathOf("mask", file, destination))));
  for (const path of folders) {
    if (isFolder(path))
      removeLeftovers(path, /\.(mask|overlay|cutout|probability|polygons|rle)\.(png|jpg|json|geojson)$/);
  }
}
