/** What a network sees of images. */
import type { InputSize } from "../common/options.js";
import { type DecodedImage, readImage } from "../image/index.js";
import { referenceInput } from "../reference/run.js";
import type { Frame } from "./frames.js";

/** Levels 0..255 of an image, RGB [height, width, 3], resized the way the engine does it. */
export function resizeLevels(
  { data, width, height, channels }: DecodedImage,
  size: InputSize,
): Uint8Array<ArrayBuffer> {
  const input = referenceInput(data, width, height, channels, size.width, size.height);
  return Uint8Array.from(input, (q) => q + 128);
}

/** The levels of frames, one after the other. */
export async function* readInputs(
  frames: readonly Frame[],
  size: InputSize,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const { path } of frames) yield resizeLevels(await readImage(path), size);
}
