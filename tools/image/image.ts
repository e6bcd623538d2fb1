import { MAX_IMAGE_SIDE } from "../../src/format.js";

/** A decoded image: 8 bits per channel, rows from the top. */
export interface DecodedImage {
  /** [height, width, channels], values 0..255. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Grey, RGB or RGBA. */
  readonly channels: 1 | 3 | 4;
  /** What is wrong with the file that the image could still be read from. */
  readonly warnings?: readonly string[];
}

/** Pixels of the largest image that is read unless another limit is asked for. */
export const MAX_PIXELS = 100e6;

/** A file that is not an image we can read; the message says why and names no file. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

/**
 * Checks the size that an image's header promises.
 *
 * @throws ImageError
 */
export function expectSize(width: number, height: number, maxPixels = MAX_PIXELS): void {
  if (width === 0 || height === 0) throw new ImageError(`the image has no pixels (${width}x${height})`);
  if (width > MAX_IMAGE_SIDE || height > MAX_IMAGE_SIDE) {
    throw new ImageError(`${width}x${height} is larger than ${MAX_IMAGE_SIDE} pixels a side`);
  }
  if (width * height > maxPixels) {
    throw new ImageError(
      `${width}x${height} is more than ${maxPixels / 1e6} million pixels, the limit (segment: --max-pixels)`,
    );
  }
}
