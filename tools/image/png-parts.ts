/** The parts of a PNG file (ISO/IEC 15948) that are written the same way wherever the bytes are compressed. */
import { crc32 } from "../../src/checksum.js";
import type { DecodedImage } from "./image.js";

export const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

export const GRAY = 0;
export const RGB = 2;
export const PALETTE = 3;
export const GRAY_ALPHA = 4;
export const RGB_ALPHA = 6;

/** Red, green, blue of each index, 0..255. */
export type Palette = readonly (readonly [number, number, number])[];

/**
 * The rows of an image as they are to be compressed (zlib): colours as differences from the pixel to the left, which
 * costs little time and most of what the other filters of PNG gain; grey and indices as they are.
 *
 * @returns [height, 1 + width * channels]
 */
export function filterRows({ data, width, height, channels }: DecodedImage): Uint8Array<ArrayBuffer> {
  const rowBytes = width * channels;
  const rows = new Uint8Array(height * (1 + rowBytes));
  for (let y = 0; y < height; y++) {
    const at = y * (1 + rowBytes) + 1;
    const start = y * rowBytes;
    rows.set(data.subarray(start, start + rowBytes), at);
    if (channels === 1) continue;
    rows[at - 1] = 1;
    for (let i = channels; i < rowBytes; i++) rows[at + i]! -= data[start + i - channels]!;
  }
  return rows;
}

/**
 * The chunks of an 8-bit PNG file whose rows have been filtered and compressed.
 *
 * @param text ASCII, kept as the name of the program that wrote the file
 */
export function pngChunks(
  { width, height, channels }: DecodedImage,
  packed: Uint8Array,
  palette?: Palette,
  text?: string,
): Uint8Array<ArrayBuffer>[] {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8;
  header[9] = palette ? PALETTE : channels === 1 ? GRAY : channels === 3 ? RGB : RGB_ALPHA;
  return [
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    ...(text === undefined ? [] : [chunk("tEXt", new TextEncoder().encode(`Software\0${text}`))]),
    ...(palette ? [chunk("PLTE", Uint8Array.from(palette.flat()))] : []),
    chunk("IDAT", packed),
    chunk("IEND", new Uint8Array(0)),
  ];
}

/** Whichever of left, above and corner is nearest to left + above - corner. */
export function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

function chunk(name: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(12 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = name.charCodeAt(i);
  bytes.set(body, 8);
  view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)));
  return bytes;
}
