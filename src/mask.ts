import { describe, expectBytes, expectInteger } from "./errors.js";
import { type CheckedImage, expectImage, type Image } from "./image.js";
import type { Color } from "./metadata.js";

/**
 * Pixels of each class.
 *
 * @param mask class ids; those that are not below `classCount` are not counted
 * @param classCount 1 to 256
 * @returns uint32 [classCount]
 * @throws TypeError or RangeError for anything else
 */
export function histogram(mask: Uint8Array, classCount: number): Uint32Array {
  expectMask(mask);
  expectInteger("classCount", classCount, 1, 256);
  const counts = new Uint32Array(classCount);
  for (let at = 0; at < mask.length; at++) counts[mask[at]!]!++;
  return counts;
}

/**
 * A mask in the colours of its classes.
 *
 * @param mask class ids [height, width]
 * @returns RGB levels [height, width, 3]; ids without a colour are black
 * @throws TypeError for anything but a mask and a palette
 */
export function colorize(mask: Uint8Array, palette: readonly Color[]): Uint8Array {
  expectMask(mask);
  const table = colorTable(palette);
  return new Uint8Array(mask.length * 3).map((_, at) => table[3 * mask[Math.floor(at / 3)]! + (at % 3)]!);
}

function expectMask(mask: Uint8Array): void {
  expectBytes("mask", mask, Object(mask).mask ? ": pass its mask" : "");
}

/** An image that has a pixel for each of the mask. */
function expectPair(image: Image, mask: Uint8Array): CheckedImage {
  const checked = expectImage(image);
  expectMask(mask);
  const pixels = checked.width * checked.height;
  if (mask.length !== pixels) throw new RangeError(`"mask" expected ${pixels} pixels, got ${mask.length}`);
  return checked;
}

function expectList(name: string, what: string, value: unknown): void {
  if (!Array.isArray(value)) throw new TypeError(`"${name}" expected ${what}, got ${describe(value)}`);
}

/** RGB of the 256 class ids; those without a color are black. */
function colorTable(palette: readonly Color[]): Uint8Array {
  expectList("palette", "segmenter.palette", palette);
  const table = new Uint8Array(256 * 3);
  table.set(palette.flat());
  return table;
}

/**
 * An image with its mask laid over it: image * (1 - opacity) + colour * opacity, rounded.
 *
 * @param image an image of the mask's size
 * @param mask class ids [height, width]
 * @param opacity 0 (image only) to 1 (mask only)
 * @param only class ids to lay over it, elsewhere the image stays; default: all
 * @returns RGB levels [height, width, 3]
 * @throws RangeError if sizes differ or opacity is outside 0..1, TypeError for anything but image, mask and palette
 */
export function overlay(
  image: Image,
  mask: Uint8Array,
  palette: readonly Color[],
  opacity = 0.5,
  only?: readonly number[],
): Uint8Array {
  const { data, channels } = expectPair(image, mask);
  const table = colorTable(palette);
  if (!(opacity >= 0 && opacity <= 1)) throw new RangeError(`"opacity" expected 0 to 1, got ${opacity}`);
  const out = new Uint8Array(mask.length * 3);
  // [class, channel, level]: those of a class are worked out where it first occurs
  const blends = new Uint8Array(256 * 768);
  const known = new Uint8Array(256);
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  for (let at = 0; at < mask.length; ) {
    const id = mask[at]!;
    const row = id * 768;
    const share = known[id] === 0 && only?.includes(id) === false ? 0 : opacity;
    for (let level = row; known[id] === 0 && level < row + 768; level++) {
      blends[level] = Math.round((level & 255) * (1 - share) + table[level >> 8]! * share);
    }
    known[id] = 1;
    let from = at * channels;
    for (let to = at * 3; at < mask.length && mask[at] === id; at++, from += channels, to += 3) {
      out[to] = blends[row + data[from]!]!;
      out[to + 1] = blends[row + 256 + data[from + green]!]!;
      out[to + 2] = blends[row + 512 + data[from + blue]!]!;
    }
  }
  return out;
}

/**
 * The pixels of some classes, the others transparent.
 *
 * @param image an image of the mask's size
 * @param mask class ids [height, width]
 * @returns RGBA levels [height, width, 4], alpha 255 or 0: the data of an ImageData
 * @throws RangeError if sizes differ, TypeError for anything but image, mask and class ids
 */
export function cutout(image: Image, mask: Uint8Array, classes: readonly number[]): Uint8ClampedArray {
  const { data, channels } = expectPair(image, mask);
  expectList("classes", "class ids", classes);
  const out = new Uint8ClampedArray(mask.length * 4);
  mask.forEach((id, at) => {
    if (!classes.includes(id)) return;
    for (let channel = 0; channel < 3; channel++) {
      out[at * 4 + channel] = data[at * channels + (channels === 1 ? 0 : channel)]!;
    }
    out[at * 4 + 3] = 255;
  });
  return out;
}
