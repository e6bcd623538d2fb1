/** Images by way of the packages sharp and heic-decode, which are not installed along with attendseg. */
import { UserError } from "../common/errors.js";
import { type DecodedImage, expectSize, ImageError } from "./image.js";

async function need<T>(load: () => Promise<T>, name: string, kind: string): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw error;
    throw new ImageError(`${kind} images are read with the package ${name}: npm install ${name}`);
  }
}

/** a * b / 255, rounded. */
function share(a: number, b: number): number {
  return Math.round((a * b) / 255);
}

/**
 * Red, green and blue of cyan, magenta, yellow and black (of `channels` the first four), by the plain formula of Pillow
 * and not by a colour profile: those of other JPEG files are not followed either.
 */
function fromInks(inks: Uint8Array, channels: number): Uint8Array {
  const count = inks.length / channels;
  const colors = new Uint8Array(3 * count);
  for (let pixel = 0; pixel < count; pixel++) {
    const light = 255 - inks[channels * pixel + 3]!;
    for (let c = 0; c < 3; c++) colors[3 * pixel + c] = light - share(inks[channels * pixel + c]!, light);
  }
  return colors;
}

/**
 * Decodes an image to RGB, turned upright; of an animation the first frame, of several pages the first.
 *
 * @param kind such as "GIF", for messages
 * @throws ImageError if sharp is not installed, or the file is damaged or too large
 */
export async function decodeWithSharp(
  bytes: Uint8Array,
  kind: string,
  maxPixels: number,
): Promise<DecodedImage> {
  const { default: sharp } = await need(() => import("sharp"), "sharp", kind);
  try {
    const image = sharp(bytes, { failOn: "error", limitInputPixels: false });
    const { width, height, space, depth } = await image.metadata();
    expectSize(width, height, maxPixels);
    if (space === "cmyk" && depth === "uchar") {
      const inks = image.autoOrient().pipelineColourspace("cmyk").toColourspace("cmyk").raw();
      const { data, info } = await inks.toBuffer({ resolveWithObject: true });
      return { data: fromInks(data, info.channels), width: info.width, height: info.height, channels: 3 };
    }
    const { data, info } = await image
      .autoOrient()
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height, channels: info.channels === 1 ? 1 : 3 };
  } catch (error) {
    if (error instanceof ImageError || error instanceof UserError) throw error;
    throw new ImageError(`the ${kind} image cannot be decoded: ${(error as Error).message}`);
  }
}

/**
 * Decodes a HEIC image to RGBA; libheif turns it upright.
 *
 * @throws ImageError if heic-decode is not installed, or the file is damaged or too large
 */
export async function decodeHeic(bytes: Uint8Array, maxPixels: number): Promise<DecodedImage> {
  const { default: decode } = await need(() => import("heic-decode"), "heic-decode", "HEIC");
  let image: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray };
  // libheif tells standard output what is wrong, where results may be going
  const { log } = console;
  let reason: string | undefined;
  console.log = (...words: unknown[]) => {
    reason = words.join(": ");
  };
  try {
    image = await decode({ buffer: bytes });
  } catch (error) {
    throw new ImageError(`the HEIC image cannot be decoded: ${reason ?? (error as Error).message}`);
  } finally {
    console.log = log;
  }
  const { width, height, data } = image;
  expectSize(width, height, maxPixels);
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height, channels: 4 };
}
