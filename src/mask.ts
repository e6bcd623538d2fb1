import { expectImage, type Image } from "./image.js";
import type { Color } from "./metadata.js";

/**
 * Pixels of each class.
 *
 * @param mask class ids, all below `classCount`
 * @returns uint32 [classCount]
 */
export function histogram(mask: Uint8Array, classCount: number): Uint32Array {
  const counts = new Uint32Array(classCount);
  for (let at = 0; at < mask.length; at++) counts[mask[at]!]!++;
  return counts;
}

/**
 * A mask in the colours of its classes.
 *
 * @param mask class ids [height, width]
 * @returns RGB levels [height, width, 3]
 */
export function colorize(mask: Uint8Array, palette: readonly Color[]): Uint8Array {
  const colors = new Uint8Array(mask.length * 3);
  for (let at = 0; at < mask.length; at++) colors.set(palette[mask[at]!]!, at * 3);
  return colors;
}

/**
 * An image with its mask laid over it: image * (1 - opacity) + colour * opacity, rounded.
 *
 * @param image an image of the mask's size
 * @param mask class ids [height, width]
 * @param opacity 0 (image only) to 1 (mask only)
 * @returns RGB levels [height, width, 3]
 * @throws RangeError if sizes differ or opacity is outside 0..1
 */
export function overlay(
  image: Image,
  mask: Uint8Array,
  palette: readonly Color[],
  opacity = 0.5,
): Uint8Array {
  const { data, width, height, channels } = expectImage(image);
  if (mask.length !== width * height) {
    throw new RangeError(`"mask" expected ${width * height} pixels, got ${mask.length}`);
  }
  if (!(opacity >= 0 && opacity <= 1)) throw new RangeError(`"opacity" expected 0 to 1, got ${opacity}`);
  const out = new Uint8Array(mask.length * 3);
  // [class, channel, level]: each blend is worked out once
  const blends = new Uint8Array(palette.length * 768);
  palette.flat().forEach((color, row) => {
    for (let level = 0; level < 256; level++) {
      blends[row * 256 + level] = Math.round(level * (1 - opacity) + color * opacity);
    }
  });
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  for (let at = 0, from = 0; at < mask.length; at++, from += channels) {
    const row = mask[at]! * 768;
    out[at * 3] = blends[row + data[from]!]!;
    out[at * 3 + 1] = blends[row + 256 + data[from + green]!]!;
    out[at * 3 + 2] = blends[row + 512 + data[from + blue]!]!;
  }
  return out;
}
