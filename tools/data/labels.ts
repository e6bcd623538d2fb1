/** Label images, in colours or of class ids: a table of classes and one PNG file per frame. */
import { join } from "node:path";
import type { Color } from "../../src/index.js";
import { UserError } from "../common/errors.js";
import { isFile, readText } from "../common/files.js";
import { type DecodedImage, readImage, readIndices } from "../image/index.js";

/** A class of a data set. */
export interface LabelClass {
  readonly name: string;
  readonly color: Color;
}

/**
 * Reads a table of classes: a CSV file with the columns name, r, g and b in any order; others are ignored.
 * Where there is a column index, rows are sorted by it, and it must count from 0.
 *
 * @throws UserError that names the file and the line
 */
export function readClasses(path: string): LabelClass[] {
  const lines = readText(path).split(/\r?\n/);
  const head = lines[0]!.split(",").map((cell) => cell.trim().toLowerCase());
  const [name, r, g, b] = ["name", "r", "g", "b"].map((column) => head.indexOf(column)) as [
    number,
    number,
    number,
    number,
  ];
  if (Math.min(name, r, g, b) < 0)
    throw new UserError(`${path}: the first line must name the columns name,r,g,b`);
  const index = head.indexOf("index");
  const rows = lines.flatMap((line, at) => {
    if (at === 0 || line.trim() === "") return [];
    const cells = line.split(",").map((cell) => cell.trim());
    const color = [r, g, b].map((column) => Number(cells[column] || Number.NaN)) as [number, number, number];
    if (!cells[name] || !color.every((level) => Number.isInteger(level) && level >= 0 && level <= 255)) {
      throw new UserError(`${path}: line ${at + 1} has no name or no colour of three levels from 0 to 255`);
    }
    return [{ name: cells[name], color, index: index < 0 ? -1 : Number(cells[index]) }];
  });
  if (index >= 0) {
    rows.sort((one, other) => one.index - other.index);
    if (rows.some((row, at) => row.index !== at))
      throw new UserError(`${path}: the column index must count from 0`);
  }
  if (rows.length < 2 || rows.length > 256)
    throw new UserError(`${path}: 2 to 256 classes expected, got ${rows.length}`);
  return rows.map(({ name, color }) => ({ name, color }));
}

/** The classes.csv of a data set, in the folder of its labels or the one above, if there is one. */
export function findClasses(labels: string): string | undefined {
  return [join(labels, "classes.csv"), join(labels, "..", "classes.csv")].find(isFile);
}

/** The label of a pixel that counts nowhere. */
export const IGNORED = 255;

/** Reads a label image: a class id of the model for every pixel, or a group of classes, or IGNORED. */
export type ReadLabels = (path: string) => DecodedImage | Promise<DecodedImage>;

/** Class ids by color, for decoding label images. */
export type Colors = ReadonlyMap<number, number>;

/**
 * Class ids of a model for each class of a data set, matched by name.
 *
 * @param source what errors call the classes
 * @throws UserError if the model does not know one of the classes
 */
export function matchNames(
  classes: readonly { readonly name: string }[],
  names: readonly string[],
  source: string,
): Uint8Array {
  return Uint8Array.from(classes, ({ name }) => {
    const id = names.indexOf(name);
    if (id < 0) throw new UserError(`${source}: the model has no class ${name}`);
    return id;
  });
}

/**
 * Class ids of a model by the colours of a data set, matched by name.
 *
 * @param source what errors call the classes
 * @throws UserError if the model does not know one of the classes, or two have the same colour
 */
export function matchClasses(
  classes: readonly LabelClass[],
  names: readonly string[],
  source: string,
): Colors {
  const matched = matchNames(classes, names, source);
  const ids = new Map<number, number>();
  for (const [at, { color }] of classes.entries()) {
    const key = keyOf(color[0], color[1], color[2]);
    if (ids.has(key)) throw new UserError(`${source}: two classes have the colour ${color.join(",")}`);
    ids.set(key, matched[at]!);
  }
  return ids;
}

/**
 * Reads a label image of class ids, grey levels or palette indices: a class id of the model for every pixel, IGNORED
 * where the image says 255 and no class has that id.
 *
 * @param ids class id of the model, or group of classes, for each id of the data set
 * @throws UserError that names the file, and the value and place of a pixel that belongs to no class
 */
export function readIdLabels(path: string, ids: Uint8Array): DecodedImage {
  const image = readIndices(path);
  const data = image.data.map((value, pixel) => {
    if (value < ids.length) return ids[value]!;
    if (value === IGNORED) return IGNORED;
    const place = `${pixel % image.width},${Math.floor(pixel / image.width)}`;
    throw new UserError(`${path}: pixel ${place} is ${value}, but there are ${ids.length} classes`);
  });
  return { ...image, data };
}

/**
 * Reads a label image in colours: a class id for every pixel.
 *
 * @throws UserError that names the file, and the colour and place of a pixel that belongs to no class
 */
export async function readLabels(path: string, colors: Colors): Promise<DecodedImage> {
  const { data, width, height, channels } = await readImage(path);
  const ids = new Uint8Array(width * height);
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  let lastKey = -1;
  let lastId = 0;
  for (let at = 0, pixel = 0; pixel < ids.length; pixel++, at += channels) {
    const key = keyOf(data[at]!, data[at + green]!, data[at + blue]!);
    if (key !== lastKey) {
      const id = colors.get(key);
      if (id === undefined) {
        const place = `pixel ${pixel % width},${Math.floor(pixel / width)}`;
        const color = [data[at], data[at + green], data[at + blue]].join(",");
        const isId = Math.max(data[at]!, data[at + green]!, data[at + blue]!) < colors.size && channels === 1;
        const hint = isId ? "; labels of class ids, as grey levels, want --ids" : "";
        throw new UserError(`${path}: the colour ${color} of ${place} belongs to no class${hint}`);
      }
      lastKey = key;
      lastId = id;
    }
    ids[pixel] = lastId;
  }
  return { data: ids, width, height, channels: 1 };
}

function keyOf(r: number, g: number, b: number): number {
  return (r << 16) | (g << 8) | b;
}
