/** The orientation that EXIF data tells: a TIFF structure (TIFF 6.0) whose first directory may have the tag 0x0112. */
import type { DecodedImage } from "./image.js";

const ORIENTATION = 0x0112;
const SHORT = 3;
const LONG = 4;

/**
 * The orientation, 1 (upright) to 8; 1 where there is none or the data is damaged.
 *
 * @param tiff from its byte order mark on
 */
export function orientationOf(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const mark = String.fromCharCode(...tiff.subarray(0, 2));
  const isLittle = mark === "II";
  if ((!isLittle && mark !== "MM") || tiff.length < 8) return 1;
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, isLittle);
  for (let index = 0; index < entries; index++) {
    const at = directory + 2 + 12 * index;
    if (at + 12 > tiff.length) return 1;
    if (view.getUint16(at, isLittle) !== ORIENTATION) continue;
    const type = view.getUint16(at + 2, isLittle);
    const isKnown = (type === SHORT || type === LONG) && view.getUint32(at + 4, isLittle) === 1;
    const value = type === LONG ? view.getUint32(at + 8, isLittle) : view.getUint16(at + 8, isLittle);
    return isKnown && value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** An image turned upright: rows and columns as EXIF 2.32, 4.6.4, tag Orientation, defines them. */
export function turnUpright(image: DecodedImage, orientation: number): DecodedImage {
  if (orientation === 1) return image;
  const { data, channels } = image;
  const isTurned = orientation >= 5;
  const [width, height] = isTurned ? [image.height, image.width] : [image.width, image.height];
  // where the pixel at 0,0 comes from, and how far the next ones across and down are from it
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const first = (fromRight ? image.width - 1 : 0) + (fromBottom ? (image.height - 1) * image.width : 0);
  const [stepX, stepY] = [fromRight ? -1 : 1, fromBottom ? -image.width : image.width];
  const [across, down] = isTurned ? [stepY, stepX] : [stepX, stepY];
  const turned = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < height; y++) {
    let from = (first + y * down) * channels;
    for (let x = 0; x < width; x++, from += across * channels) {
      for (let c = 0; c < channels; c++) turned[to++] = data[from + c]!;
    }
  }
  return { ...image, data: turned, width, height };
}
