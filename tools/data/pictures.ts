import type { InputSize } from "../common/options.js";
import { readPicture } from "../image/index.js";
import { referenceInput } from "../reference/run.js";
import type { Frame } from "./frames.js";

/** RGB levels [height, width, 3] of frames, one after the other, resized the way the engine does it. */
export async function* readInputs(frames: readonly Frame[], size: InputSize): AsyncGenerator<Uint8Array> {
  for (const { path } of frames) {
    const { data, width, height, channels } = await readPicture(path);
    const input = referenceInput(data, width, height, channels, size.width, size.height);
    yield Uint8Array.from(input, (q) => q + 128);
  }
}
