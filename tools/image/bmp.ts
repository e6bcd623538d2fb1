/** Windows bitmaps through bmp-ts. */
import { decode } from "bmp-ts";
import { type DecodedImage, expectSize, ImageError, MAX_PIXELS } from "./image.js";

const INFO_HEADER_BYTES = 40;

/** Whether the bytes begin like a BMP file. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

/**
 * Decodes a BMP file to RGBA.
 *
 * @throws ImageError if the file is damaged, of a kind older than Windows 3 or too large
 */
export function decodeBmp(bytes: Uint8Array, maxPixels = MAX_PIXELS): DecodedImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 54) throw new ImageError("the BMP file is cut off");
  if (view.getUint32(14, true) < INFO_HEADER_BYTES) throw new ImageError("this kind of BMP file is not read");
  // bmp-ts reads the pixels right after the header and the palette, wherever the file says they are
  const depth = view.getUint16(28, true);
  const colors = view.getUint32(46, true) || (depth <= 8 ? 1 << depth : 0);
  const isMasked = view.getUint32(14, true) === INFO_HEADER_BYTES && view.getUint32(30, true) === 3;
  const start = 14 + view.getUint32(14, true) + 4 * colors + (isMasked ? 12 : 0);
  if (view.getUint32(10, true) !== start) throw new ImageError("this kind of BMP file is not read");
  expectSize(Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true)), maxPixels);
  try {
    const { data, width, height } = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), {
      toRGBA: true,
    });
    return { data: new Uint8Array(data), width, height: Math.abs(height), channels: 4 };
  } catch (error) {
    throw new ImageError(`the BMP file is damaged or cut off (${(error as Error).message})`);
  }
}
