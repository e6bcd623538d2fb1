import { constants, deflateSync } from "node:zlib";
import type { DecodedImage } from "./image.js";
import { filterRows, type Palette, pngChunks } from "./png-parts.js";

/**
 * Encodes an 8-bit PNG file, soon rather than small.
 *
 * @param image grey, RGB or RGBA; with a palette, [height, width, 1] indices into it
 * @param palette 1 to 256 colours, red, green, blue, each 0..255
 * @param text ASCII, kept as the name of the program that wrote the file
 */
export function encodePng(image: DecodedImage, palette?: Palette, text?: string): Uint8Array {
  const options = image.channels === 1 ? { level: 6 } : { level: 2, strategy: constants.Z_FILTERED };
  const packed = deflateSync(filterRows(image), { ...options, chunkSize: 1 << 20 });
  return Buffer.concat(pngChunks(image, packed, palette, text));
}
