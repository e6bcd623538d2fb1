/**
 * Windows bitmaps without compression: the only kind that is about, and one that small packages read wrongly (palettes,
 * rows from the top).
 */
import { type DecodedImage, expectSize, ImageError, MAX_PIXELS } from "./image.js";

const INFO_HEADER_BYTES = 40;
const UNCOMPRESSED = 0;
const BIT_FIELDS = 3;
/** Masks of red, green and blue that 32-bit pixels have in the order of bytes blue, green, red. */
const USUAL_MASKS = [0xff0000, 0xff00, 0xff];

/** Whether the bytes begin like a BMP file. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

/**
 * Decodes a BMP file of 1, 4, 8, 24 or 32 bits a pixel to RGB.
 *
 * @throws ImageError if the file is cut off, compressed, of another kind or too large
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
    (compression === UNCOMPRESSED || (compression === BIT_FIELDS && depth === 32 && isUsual(USUAL_MASKS)));
  if (!isKnown) {
    throw new ImageError(`BMP files of ${depth} bits with compression ${compression} are not read`);
  }
  expectSize(Math.max(0, width), height, maxPixels);
  const pixelsAt = view.getUint32(10, true);
  const rowBytes = Math.ceil((width * depth) / 32) * 4;
  if (pixelsAt + rowBytes * height > bytes.length) throw new ImageError("the BMP file is cut off");
  const paletteAt = 14 + headerBytes;
  const data = new Uint8Array(width * height * 3);
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
