/**
 * JPEG through mozjpeg compiled to WebAssembly, which decodes bit for bit like libjpeg-turbo up to 2.0: a network must
 * see the pixels that it was trained on. Later versions differ by a rounding in files of half the colour rows (4:4:0).
 */
import createDecoder, { type MozJPEGModule } from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import decoderBytes from "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm";
import { codec } from "./codec.js";
import { turnUpright } from "./exif.js";
import { type DecodedImage, expectSize, ImageError, MAX_PIXELS } from "./image.js";
import { readJpegHeader } from "./jpeg-segments.js";
import { decodeWithSharp } from "./sharp.js";

const decoder = codec<MozJPEGModule>(createDecoder, decoderBytes);
const END_OF_IMAGE = Uint8Array.of(0xff, 0xd9);

/**
 * Decodes a JPEG file (baseline or progressive, grey or colour) to RGBA, turned upright as its EXIF orientation says;
 * CMYK and arithmetic coding by way of sharp, to RGB. What is damaged but readable becomes a warning.
 *
 * @throws ImageError if the file cannot be decoded, is cut off or too large
 * @throws UserError if it takes sharp, and that is not installed
 */
export async function decodeJpeg(bytes: Uint8Array, maxPixels = MAX_PIXELS): Promise<DecodedImage> {
  const { width, height, components, isArithmetic, orientation } = readJpegHeader(bytes);
  expectSize(width, height, maxPixels);
  if (components === 4 || isArithmetic) {
    const kind = components === 4 ? "CMYK JPEG" : "arithmetic JPEG";
    return decodeWithSharp(bytes, kind, maxPixels);
  }
  let { image, complaints } = await decode(bytes);
  if (isEarly(complaints)) {
    // the mark at the end may be all that is missing, with something else in its place
    ({ image, complaints } = await decode(Buffer.concat([bytes, END_OF_IMAGE])));
    const isWhole = complaints.every((complaint) => /extraneous bytes before marker 0xd9/.test(complaint));
    if (!isWhole) throw new ImageError("the JPEG file is cut off");
    complaints.push("the JPEG file has no end mark");
  }
  if (!image) {
    throw new ImageError(`the JPEG file cannot be decoded: ${complaints.at(-1) ?? "no reason given"}`);
  }
  return turnUpright(complaints.length > 0 ? { ...image, warnings: complaints } : image, orientation);
}

const isEarly = (complaints: readonly string[]): boolean =>
  complaints.some((complaint) => /premature end/i.test(complaint));

async function decode(bytes: Uint8Array): Promise<{ image: DecodedImage | undefined; complaints: string[] }> {
  const complaints: string[] = [];
  const module = await decoder((complaint) => complaints.push(complaint.trim()));
  try {
    const image = module.decode(bytes as Uint8Array<ArrayBuffer>, false);
    if (!image) return { image: undefined, complaints };
    const { data, width, height } = image;
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { image: { data: pixels, width, height, channels: 4 }, complaints };
  } catch (error) {
    if (complaints.length === 0) complaints.push(String(error));
    return { image: undefined, complaints };
  }
}
