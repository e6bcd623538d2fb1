/** What the segments of a JPEG file say before its pixels (ITU-T T.81, annex B). */
import { orientationOf } from "./exif.js";
import { ImageError } from "./image.js";

/** What a JPEG file tells of itself. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  readonly components: number;
  /** SOF9 to SOF15. */
  readonly isArithmetic: boolean;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

const EXIF = "Exif\0\0";

/** Whether the bytes begin like a JPEG file. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * Walks the segments up to the start of a frame (SOF0 to SOF15). What lies between segments is passed over, as
 * libjpeg does.
 *
 * @throws ImageError if there is no frame
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation: number | undefined;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0) {
      at += 1;
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (at + 10 > bytes.length) break;
      return {
        height: view.getUint16(at + 5),
        width: view.getUint16(at + 7),
        components: bytes[at + 9]!,
        isArithmetic: marker > 0xc8,
        orientation: orientation ?? 1,
      };
    } else {
      const end = at + 2 + view.getUint16(at + 2);
      if (marker === 0xe1 && String.fromCharCode(...bytes.subarray(at + 4, at + 10)) === EXIF) {
        orientation ??= orientationOf(bytes.subarray(at + 10, end));
      }
      at = end;
    }
  }
  throw new ImageError("the JPEG file is cut off");
}
