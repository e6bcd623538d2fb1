import { describe, expectBytes, expectInteger } from "./errors.js";
import { MAX_IMAGE_SIDE } from "./format.js";

/** What `segment` takes: a browser's ImageData, or levels with their size and channels (default: what fits). */
export interface Image {
  /** 8-bit levels [height, width, channels]. */
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  /** 1 (grey), 3 (RGB) or 4 (RGBA, alpha ignored). */
  readonly channels?: number | undefined;
}

/** An image whose data match its size and channels: 1, 3 or 4. */
export type CheckedImage = Readonly<Record<"width" | "height" | "channels", number>> & {
  readonly data: Uint8Array;
};

/**
 * Checks an image given by a caller.
 *
 * @throws TypeError if it is no image, RangeError if its size is not valid or does not match its data
 */
export function expectImage(image: Image): CheckedImage {
  if (typeof image !== "object" || image === null || !("data" in image)) {
    throw new TypeError(
      `"image" expected { data, width, height } (attendseg/browser takes more), got ${describe(image)}`,
    );
  }
  const data = expectBytes("image.data", image.data);
  const width = expectInteger("image.width", image.width, 1, MAX_IMAGE_SIDE);
  const height = expectInteger("image.height", image.height, 1, MAX_IMAGE_SIDE);
  const channels = image.channels ?? data.length / (width * height);
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new RangeError(`"image" of ${width}x${height} expected 1, 3 or 4 channels, got ${channels}`);
  }
  const bytes = width * height * channels;
  if (data.length !== bytes) {
    throw new RangeError(
      `"image.data" of ${width}x${height}x${channels} expected ${bytes} bytes, got ${data.length}`,
    );
  }
  return { data, width, height, channels };
}
