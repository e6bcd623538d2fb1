/** Finding the frames of a data set in folders. */
import { join } from "node:path";
import { UserError } from "../common/errors.js";
import { listFolder, readText, stem } from "../common/files.js";
import { IMAGE_NAME } from "../image/index.js";

/** An image of a data set. */
export interface Frame {
  /** File name without its extension. */
  readonly name: string;
  readonly path: string;
}

/**
 * The images of a folder, of every kind that can be read, sorted by name.
 *
 * @param list a text file with the names wanted, one a line, with or without extension; their order is kept
 * @throws UserError if the folder holds no images or lacks one of the list
 */
export function findFrames(folder: string, list?: string): Frame[] {
  const files = listFolder(folder).filter((file) => IMAGE_NAME.test(file));
  const frames = files.map((file) => ({ name: stem(file), path: join(folder, file) }));
  if (frames.length === 0) throw new UserError(`${folder}: there are no images`);
  if (list === undefined) return frames;
  const byName = new Map(frames.map((frame) => [frame.name, frame]));
  return readNames(list).map((name) => {
    const frame = byName.get(name);
    if (!frame) throw new UserError(`${list}: ${name} is not in ${folder}`);
    return frame;
  });
}

/**
 * The names in a text file, one a line, without extensions.
 *
 * @throws UserError if there are none
 */
export function readNames(list: string): string[] {
  const names = readText(list)
    .split(/\s*\r?\n\s*/)
    .filter((line) => line !== "");
  if (names.length === 0) throw new UserError(`${list}: the list is empty`);
  return names.map((line) => (IMAGE_NAME.test(line) ? stem(line) : line));
}

/** At most `count` frames, spread evenly over all of them. */
export function chooseEvenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)]!);
}
