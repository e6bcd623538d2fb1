/** Windows bitmaps: small packages read some kinds wrongly (palettes, rows from the top). */
import { type DecodedImage, expectSize, ImageError, MAX_PIXELS } from "./image.js";

const INFO_HEADER_BYTES = 40;
const UNCOMPRESSED = 0;
/** By bits a pixel, the compression with run lengths. */
const RUN_LENGTHS: Readonly<Record<number, number>> = { 8: 1, 4: 2 };
const BIT_FIELDS = 3;
/** Masks of red, green and blue that 32-bit pixels have in the order of bytes blue, green, red. */
const USUAL_MASKS = [0xff0000, 0xff00, 0xff];

/** Whether the bytes begin like a BMP file. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

/**
 * Decodes a BMP file of 1, 4, 8, 24 or 32 bits a pixel, with run lengths or without, to RGB.
 *
 * @throws ImageError if the file is cut off, of another kind or too large
 */
export function decodeBmp(bytes: Uint8Array, maxPixels = MAX_PIXELS): DecodedImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 14 + INFO_HEADER_BYTES) throw new ImageError("the BMP file is cut off");
  const headerBytes = view.getUint32(14, true);
  const [width, rows] = [view.getInt32(18, true), view.getInt32(22, true)];
  const height = Math.abs(rows);
  const depth = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const isUsual = (masks: readonly number[]) => {
    return bytes.length >= 66 && masks.every((mask, c) => view.getUint32(54 + 4 * c, true) === mask);
  };
  const isKnown =
    [1, 4, 8, 24, 32].includes(depth) &&
    headerBytes >= INFO_HEADER_BYTES &&
    (compression === UNCOMPRESSED ||
      compression === RUN_LENGTHS[depth] ||
      (compression === BIT_FIELDS && depth === 32 && isUsual(USUAL_MASKS)));
  if (!isKnown) {
    throw new ImageError(`BMP files of ${depth} bits with compression ${compression} are not read`);
  }
  expectSize(Math.max(0, width), height, maxPixels);
  const pixelsAt = view.getUint32(10, true);
  const rowBytes = Math.ceil((width * depth) / 32) * 4;
  const paletteAt = 14 + headerBytes;
  const data = new Uint8Array(width * height * 3);
  if (compression === RUN_LENGTHS[depth]) {
    const indices = expandRuns(bytes.subarray(pixelsAt), width, height, depth);
    for (let at = 0; at < width * height; at++) {
      const row = rows < 0 ? Math.floor(at / width) : height - 1 - Math.floor(at / width);
      const from = paletteAt + 4 * indices[row * width + (at % width)]!;
      for (let c = 0; c < 3 && from + 3 <= pixelsAt; c++) data[3 * at + c] = bytes[from + 2 - c]!;
    }
    return { data, width, height, channels: 3 };
  }
  if (pixelsAt + rowBytes * height > bytes.length) throw new ImageError("the BMP file is cut off");
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = pixelsAt + (rows < 0 ? y : height - 1 - y) * rowBytes;
    for (let x = 0; x < width; x++) {
      let from = row + (x * depth) / 8;
      if (depth <= 8) {
        const bit = x * depth;
        const byte = bytes[row + (bit >> 3)]!;
        from = paletteAt + 4 * ((byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1));
        // a colour beyond the palette is black
        if (from + 3 > pixelsAt) from = bytes.length;
      }
      for (let c = 2; c >= 0; c--) data[to++] = bytes[from + c] ?? 0;
    }
  }
  return { data, width, height, channels: 3 };
}

/**
 * Palette indices [height, width] in the order of the file, from runs of one byte (8 bits) or of two alternating
 * nibbles (4 bits). Pixels that are skipped are 0.
 *
 * @throws ImageError if the runs end before the bitmap does, or leave it
 */
function expandRuns(bytes: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const indices = new Uint8Array(width * height);
  let [x, y, at] = [0, 0, 0];
  const put = (value: number) => {
    if (x >= width || y >= height) throw new ImageError("a run of the BMP file leaves the image");
    indices[y * width + x++] = value;
  };
  /** Pixel `index` of those that begin at byte `first`. */
  const pixel = (first: number, index: number) => {
    if (depth === 8) return bytes[first + index]!;
    return (bytes[first + (index >> 1)]! >> (index % 2 === 0 ? 4 : 0)) & 15;
  };
  while (at + 2 <= bytes.length) {
    const [count, value] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0) {
      for (let i = 0; i < count; i++) put(pixel(at - 1, depth === 8 ? 0 : i % 2));
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      return indices;
    } else if (value === 2) {
      x += bytes[at] ?? 0;
      y += bytes[at + 1] ?? 0;
      at += 2;
    } else {
      const length = Math.ceil((value * depth) / 8);
      if (at + length > bytes.length) break;
      for (let i = 0; i < value; i++) put(pixel(at, i));
      at += length + (length % 2);
    }
  }
  // some writers leave the mark of the end out
  if (y >= height || (y === height - 1 && x === width)) return indices;
  throw new ImageError("the BMP file is cut off");
}
