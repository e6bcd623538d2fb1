import { MAX_IMAGE_SIDE } from "../../src/format.js";

/** A decoded picture: 8 bits per channel, rows from the top. */
export interface Picture {
  /** [height, width, channels], values 0..255. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Grey, RGB or RGBA. */
  readonly channels: 1 | 3 | 4;
}

/** A file that is not a picture we can read; the message says why and names no file. */
export class PictureError extends Error {
  override readonly name = "PictureError";
}

/**
 * Checks the size that a picture's header promises.
 *
 * @throws PictureError
 */
export function expectSize(width: number, height: number): void {
  if (width === 0 || height === 0) throw new PictureError(`the picture has no pixels (${width}x${height})`);
  if (width > MAX_IMAGE_SIDE || height > MAX_IMAGE_SIDE) {
    throw new PictureError(`${width}x${height} is larger than ${MAX_IMAGE_SIDE} pixels a side`);
  }
}
