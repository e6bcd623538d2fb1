/**
 * JPEG through mozjpeg compiled to WebAssembly, which decodes bit for bit like libjpeg: a network must see the
 * pixels that it was trained on.
 */
import createDecoder, { type MozJPEGModule } from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import decoderBytes from "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm";
import { type DecodedImage, expectSize, ImageError } from "./image.js";

/** What the start of a frame says. */
interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: number;
}

let compiled: WebAssembly.Module | undefined;

/** Whether the bytes begin like a JPEG file. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * Decodes a JPEG file (baseline or progressive, grey or colour) to RGBA, turned upright as its EXIF
 * orientation says.
 *
 * @throws ImageError if the file is damaged, cut off, CMYK or larger than 16384 pixels a side
 */
export async function decodeJpeg(bytes: Uint8Array): Promise<DecodedImage> {
  const frame = findFrame(bytes);
  expectSize(frame.width, frame.height);
  if (frame.components === 4) throw new ImageError("CMYK JPEG is not supported: save the image as RGB");
  const complaints: string[] = [];
  const decoder = await instantiate((complaint) => complaints.push(complaint));
  let image: ImageData | null = null;
  try {
    image = decoder.decode(bytes as Uint8Array<ArrayBuffer>, true);
  } catch (error) {
    complaints.push(...(complaints.length > 0 ? [] : [String(error)]));
  }
  if (complaints.some((complaint) => /premature end/i.test(complaint))) {
    throw new ImageError("the JPEG file is cut off");
  }
  if (!image)
    throw new ImageError(`the JPEG file cannot be decoded: ${complaints.at(-1) ?? "no reason given"}`);
  const { data, width, height } = image;
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width, height, channels: 4 };
}

/** A decoder of its own for each image: after an error, and after a large image, its memory is given back. */
function instantiate(complain: (complaint: string) => void): Promise<MozJPEGModule> {
  compiled ??= new WebAssembly.Module(decoderBytes);
  const options = {
    noInitialRun: true,
    print: complain,
    printErr: complain,
    instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
      const instance = new WebAssembly.Instance(compiled!, imports);
      done(instance);
      return instance.exports;
    },
  };
  return createDecoder(options as unknown as Parameters<typeof createDecoder>[0]);
}

/** Walks the segments up to the start of a frame (SOF0 to SOF15, ITU-T T.81 B.1.1.3). */
function findFrame(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) throw new ImageError("the JPEG file is damaged: a marker is missing");
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (at + 10 > bytes.length) break;
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), components: bytes[at + 9]! };
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
  throw new ImageError("the JPEG file is cut off");
}
