import { messageOf, UserError } from "../common/errors.js";
import { readBytes, STANDARD } from "../common/files.js";
import { decodeJpeg, isJpeg } from "./jpeg.js";
import { type Picture, PictureError } from "./picture.js";
import { decodeIndices, decodePng, isPng } from "./png.js";

export type { Picture } from "./picture.js";

/** How files begin that people take for pictures we can read. */
const OTHERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["a GIF picture", /^GIF8/],
  ["a WebP picture", /^RIFF.{4}WEBP/s],
  ["a BMP picture", /^BM/],
  ["a TIFF picture", /^(II\*|MM.\*)/],
  ["an AVIF or HEIC picture", /^.{4}ftyp(avi|hei|mif|msf)/s],
  ["a JPEG XL picture", /^.{4}JXL /s],
  ["a JPEG 2000 picture", /^.{4}jP /s],
  ["a PDF file", /^%PDF/],
  ["an SVG or XML file", /^\s*<(\?xml|svg)/i],
  ["an HTML page", /^\s*<(!doctype|html)/i],
  ["a model file", /^ASEG/],
];

/**
 * Decodes a PNG or JPEG file, told apart by how they begin.
 *
 * @param name what errors call the file
 * @throws UserError that names the file and says what is wrong with it
 */
export async function decodePicture(bytes: Uint8Array, name: string): Promise<Picture> {
  try {
    if (isPng(bytes)) return decodePng(bytes);
    if (isJpeg(bytes)) return await decodeJpeg(bytes);
  } catch (error) {
    throw naming(error, name);
  }
  if (bytes.length === 0) throw new UserError(`${name}: the file is empty`);
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 64));
  const other = OTHERS.find(([, pattern]) => pattern.test(start));
  throw new UserError(
    `${name}: this is ${other?.[0] ?? "no picture that is known here"}; PNG and JPEG are read`,
  );
}

function naming(error: unknown, name: string): unknown {
  if (error instanceof PictureError) return new UserError(`${name}: ${error.message}`);
  if (error instanceof RangeError) {
    return new UserError(`${name}: the picture does not fit in memory (${messageOf(error)})`);
  }
  return error;
}

/**
 * Reads a PNG or JPEG file; "-" is standard input.
 *
 * @throws UserError that names the file and says what is wrong with it
 */
export async function readPicture(path: string): Promise<Picture> {
  return decodePicture(readBytes(path), path === STANDARD ? "standard input" : path);
}

/**
 * Reads the numbers stored in a grey or palette PNG file of at most 8 bits: [height, width, 1].
 *
 * @throws UserError that names the file and says what is wrong with it
 */
export function readIndices(path: string): Picture {
  const bytes = readBytes(path);
  if (!isPng(bytes)) throw new UserError(`${path}: a grey or indexed PNG file is expected`);
  try {
    return decodeIndices(bytes);
  } catch (error) {
    throw naming(error, path);
  }
}

/**
 * Resizes a map of class ids to nearest neighbours with centre sampling: output pixel i of n takes source pixel
 * floor((i + 1/2) * m / n) of m.
 *
 * @param ids [height, width]
 * @returns [toHeight, toWidth]
 */
export function resizeIds(
  ids: Uint8Array,
  width: number,
  height: number,
  toWidth: number,
  toHeight: number,
): Uint8Array {
  const columns = Int32Array.from({ length: toWidth }, (_, x) => nearest(x, width, toWidth));
  const output = new Uint8Array(toWidth * toHeight);
  for (let y = 0; y < toHeight; y++) {
    const row = nearest(y, height, toHeight) * width;
    for (let x = 0; x < toWidth; x++) output[y * toWidth + x] = ids[row + columns[x]!]!;
  }
  return output;
}

/** In integers, so that no rounding decides between two pixels. */
function nearest(index: number, from: number, to: number): number {
  return Math.floor(((2 * index + 1) * from) / (2 * to));
}
