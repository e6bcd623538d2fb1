/** Writing JPEG files through libjpeg-turbo compiled to WebAssembly. */
import encoderBytes from "@cornerstonejs/codec-libjpeg-turbo-8bit/wasm";
import createEncoder from "@cornerstonejs/codec-libjpeg-turbo-8bit/wasmjs";
import { codec } from "./codec.js";
import type { DecodedImage } from "./image.js";

/** What of the module is used. */
interface Turbo {
  readonly JPEGEncoder: new () => {
    getDecodedBuffer(frame: object): Uint8Array;
    getEncodedBuffer(): Uint8ClampedArray;
    setQuality(quality: number): void;
    setProgressive(isProgressive: boolean): void;
    setSubSampling(kind: number): void;
    encode(): void;
  };
}

const QUALITY = 85;
/** Colour at half the columns and half the rows (4:2:0), as phones write it; the name in libjpeg-turbo is TJSAMP_420. */
const HALF_COLOR = 2;
const COMMENT = 0xfe;
const START_OF_IMAGE = 2;

const encoder = codec<Turbo>(createEncoder, encoderBytes);

/**
 * Encodes a baseline JPEG file, colour at half the size.
 *
 * @param image RGB [height, width, 3]
 * @param text ASCII, kept as a comment
 */
export async function encodeJpeg({ data, width, height }: DecodedImage, text: string): Promise<Uint8Array> {
  const { JPEGEncoder } = await encoder(() => {});
  const jpeg = new JPEGEncoder();
  const frame = { width, height, bitsPerSample: 8, componentCount: 3, isSigned: false };
  jpeg.getDecodedBuffer(frame).set(data);
  jpeg.setQuality(QUALITY);
  jpeg.setProgressive(false);
  jpeg.setSubSampling(HALF_COLOR);
  jpeg.encode();
  const { buffer, byteOffset, byteLength } = jpeg.getEncodedBuffer();
  const encoded = new Uint8Array(buffer, byteOffset, byteLength);
  const comment = new TextEncoder().encode(text);
  const length = comment.length + 2;
  const head = Uint8Array.of(0xff, COMMENT, length >> 8, length & 255);
  return Buffer.concat([
    encoded.subarray(0, START_OF_IMAGE),
    head,
    comment,
    encoded.subarray(START_OF_IMAGE),
  ]);
}
