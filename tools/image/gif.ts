/** GIF files (GIF89a). */
import { decodeWithSharp } from "./sharp.js";

const HEADER_BYTES = 13;
const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;

/**
 * Decodes the first frame of a GIF image to RGB; pixels that are transparent have the palette's colour, as those of PNG
 * files do.
 *
 * @throws ImageError if sharp is not installed, or the file is damaged or too large
 */
export function decodeGif(bytes: Uint8Array, maxPixels: number) {
  return decodeWithSharp(opaque(bytes), "GIF", maxPixels);
}

/** The file without what makes pixels of its first frame transparent. */
function opaque(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const flags = copy[10] ?? 0;
  let at = HEADER_BYTES + (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  while (copy[at] === EXTENSION) {
    if (copy[at + 1] === GRAPHIC_CONTROL) copy[at + 3]! &= ~1;
    at += 2;
    for (let length = copy[at]; length; length = copy[at]) at += 1 + length;
    at++;
  }
  return copy;
}
