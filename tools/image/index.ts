/** Images of every kind that is read, and what else the tools do with pixels. */
import { messageOf, UserError } from "../common/errors.js";
import { nameOf, readBytes, writeError } from "../common/files.js";
import { decodeBmp, isBmp } from "./bmp.js";
import { decodeGif } from "./gif.js";
import { type DecodedImage, ImageError, MAX_PIXELS } from "./image.js";
import { isJpeg } from "./jpeg-segments.js";
import { decodeIndices, decodePng, isPng } from "./png.js";
import { decodeHeic, decodeWithSharp } from "./sharp.js";

export { type DecodedImage, MAX_PIXELS } from "./image.js";

/** What is read, for messages. */
export const KINDS =
  "PNG, JPEG, WebP and BMP, with the package sharp AVIF, GIF and TIFF, with heic-decode HEIC";

/** Whether the bytes begin like a WebP file. */
function isWebp(bytes: Uint8Array): boolean {
  return /^RIFF.{4}WEBP/s.test(Buffer.from(bytes.subarray(0, 12)).toString("latin1"));
}

/** File names that may be images. */
export const IMAGE_NAME = /\.(png|jpe?g|jpe|jfif|webp|bmp|dib|gif|tiff?|avif|heic|heif)$/i;

/** Most bytes of an image file. */
const MAX_BYTES = 1 << 28;

/** How an image is decoded. */
export interface DecodeOptions {
  /** Pixels of the largest image that is decoded; default `MAX_PIXELS`. */
  readonly maxPixels?: number;
  /** Files that are damaged but readable are refused; default false. */
  readonly strict?: boolean;
}

/** Files that other packages read, by how they begin. */
const BY_PACKAGE: readonly (readonly [
  pattern: RegExp,
  decode: (bytes: Uint8Array, maxPixels: number) => Promise<DecodedImage>,
])[] = [
  [/^GIF8/, decodeGif],
  [/^(II[*+]\0|MM\0[*+])/, (bytes, most) => decodeWithSharp(bytes, "TIFF", most)],
  [/^.{4}ftyp(avi|.{0,40}avif)/s, (bytes, most) => decodeWithSharp(bytes, "AVIF", most)],
  [/^.{4}ftyp(he|mif|msf)/s, decodeHeic],
];

/** How files begin that people take for images we can read. */
const OTHERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["a JPEG XL image", /^.{4}JXL /s],
  ["a JPEG 2000 image", /^.{4}jP /s],
  ["a PDF file", /^%PDF/],
  ["an SVG or XML file", /^\s*<(\?xml|svg)/i],
  ["an HTML page", /^\s*<(!doctype|html)/i],
  ["a model file", /^ASEG/],
];

/**
 * Decodes an image file of any kind that is read, told by how it begins.
 *
 * @param name what errors call the file
 * @throws UserError that names the file and says what is wrong with it
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  { maxPixels = MAX_PIXELS, strict = false }: DecodeOptions = {},
): Promise<DecodedImage> {
  try {
    const image = await decode(bytes, maxPixels);
    if (strict && image.warnings?.[0]) throw new ImageError(`${image.warnings[0]} (--strict)`);
    return image;
  } catch (error) {
    throw naming(error, name);
  }
}

async function decode(bytes: Uint8Array, maxPixels: number): Promise<DecodedImage> {
  if (isPng(bytes)) return decodePng(bytes, maxPixels);
  if (isJpeg(bytes)) {
    const { decodeJpeg } = await import("./jpeg.js");
    return decodeJpeg(bytes, maxPixels);
  }
  if (isWebp(bytes)) {
    const { decodeWebp } = await import("./webp.js");
    return decodeWebp(bytes, maxPixels);
  }
  if (isBmp(bytes)) return decodeBmp(bytes, maxPixels);
  if (bytes.length === 0) throw new ImageError("the file is empty");
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 64));
  const known = BY_PACKAGE.find(([pattern]) => pattern.test(start));
  if (known) return known[1](bytes, maxPixels);
  const other = OTHERS.find(([, pattern]) => pattern.test(start));
  throw new ImageError(`this is ${other?.[0] ?? "no image that is known here"}; read are ${KINDS}`);
}

function naming(error: unknown, name: string): unknown {
  if (error instanceof ImageError) return new UserError(`${name}: ${error.message}`);
  if (error instanceof RangeError) {
    return new UserError(`${name}: the image does not fit in memory (${messageOf(error)})`);
  }
  return error;
}

/**
 * Reads an image file; "-" is standard input. Warnings go to standard error, unless `onWarning` takes them.
 *
 * @throws UserError that names the file and says what is wrong with it
 */
export async function readImage(
  path: string,
  options: DecodeOptions & { readonly onWarning?: (warning: string) => void } = {},
): Promise<DecodedImage> {
  const { onWarning = (warning) => writeError(`attendseg: ${warning}\n`) } = options;
  const image = await decodeImage(readBytes(path, MAX_BYTES), nameOf(path), options);
  for (const warning of image.warnings ?? []) onWarning(`${nameOf(path)}: ${warning}`);
  return image;
}

/**
 * Reads the numbers stored in a grey or palette PNG file of at most 8 bits: [height, width, 1].
 *
 * @throws UserError that names the file and says what is wrong with it
 */
export function readIndices(path: string): DecodedImage {
  const bytes = readBytes(path, MAX_BYTES);
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
