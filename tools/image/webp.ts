/** WebP through libwebp compiled to WebAssembly. */
import createDecoder, { type WebPModule } from "@jsquash/webp/codec/dec/webp_dec.js";
import decoderBytes from "@jsquash/webp/codec/dec/webp_dec.wasm";
import { codec } from "./codec.js";
import { orientationOf, turnUpright } from "./exif.js";
import { type DecodedImage, expectSize, ImageError, MAX_PIXELS } from "./image.js";
import { decodeWithSharp } from "./sharp.js";

const decoder = codec<WebPModule>(createDecoder, decoderBytes);

/**
 * Decodes a WebP file to RGBA, turned upright as its EXIF orientation says; of an animation the first frame, by way
 * of sharp.
 *
 * @throws ImageError if the file is damaged or too large, or takes sharp, and that is not installed
 */
export async function decodeWebp(bytes: Uint8Array, maxPixels = MAX_PIXELS): Promise<DecodedImage> {
  const { width, height, isAnimated, orientation } = readHeader(bytes);
  expectSize(width, height, maxPixels);
  if (isAnimated) return decodeWithSharp(bytes, "animated WebP", maxPixels);
  const module = await decoder(() => {});
  let image: ImageData | null;
  try {
    image = module.decode(bytes as Uint8Array<ArrayBuffer>);
  } catch {
    image = null;
  }
  if (!image) throw new ImageError("the WebP file is damaged or cut off");
  const { data } = image;
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return turnUpright({ data: pixels, width: image.width, height: image.height, channels: 4 }, orientation);
}

/** Walks the chunks of the RIFF container (RFC 9649). */
function readHeader(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size: readonly [number, number] | undefined;
  let isAnimated = false;
  let orientation = 1;
  for (let at = 12; at + 18 <= bytes.length; ) {
    const name = textAt(bytes, at);
    const length = view.getUint32(at + 4, true);
    const body = at + 8;
    if (name === "VP8X" && body + 10 <= bytes.length) {
      isAnimated = (bytes[body]! & 2) !== 0;
      const side = (place: number) => 1 + (view.getUint16(place, true) | (bytes[place + 2]! << 16));
      size ??= [side(body + 4), side(body + 7)];
    } else if (name === "VP8 ") {
      size ??= [view.getUint16(body + 6, true) & 0x3fff, view.getUint16(body + 8, true) & 0x3fff];
    } else if (name === "VP8L") {
      const bits = view.getUint32(body + 1, true);
      size ??= [1 + (bits & 0x3fff), 1 + ((bits >>> 14) & 0x3fff)];
    } else if (name === "EXIF") {
      const tiff = bytes.subarray(body, body + length);
      orientation = orientationOf(textAt(tiff, 0) === "Exif" ? tiff.subarray(6) : tiff);
    }
    at = body + length + (length & 1);
  }
  if (!size) throw new ImageError("the WebP file is damaged or cut off");
  return { width: size[0], height: size[1], isAnimated, orientation };
}

function textAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
