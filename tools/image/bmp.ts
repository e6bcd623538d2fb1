/** Windows bitmaps: small packages read some kinds wrongly (palettes, rows from the top). */
import { type DecodedImage, expectSize, ImageError, MAX_PIXELS } from "./image.js";

/** The header of OS/2 1, which has no compression and palette entries of 3 bytes. */
const CORE_HEADER_BYTES = 12;
const INFO_HEADER_BYTES = 40;
const UNCOMPRESSED = 0;
/** By bits a pixel, the compression with run lengths. */
const RUN_LENGTHS: Readonly<Record<number, number>> = { 8: 1, 4: 2 };
/** Pixels of 16 or 32 bits whose masks stand behind the 40 bytes of the header, without alpha and with it. */
const BIT_FIELDS = [3, 6];
/** Masks of red, green and blue where none are given, by bits a pixel. */
const USUAL_MASKS: Readonly<Record<number, readonly number[]>> = {
  16: [0x7c00, 0x3e0, 0x1f],
  32: [0xff0000, 0xff00, 0xff],
};

/** What the headers tell. */
interface Header {
  readonly width: number;
  readonly height: number;
  readonly isFromTop: boolean;
  readonly depth: number;
  readonly hasRuns: boolean;
  /** Of red, green and blue; empty for palettes and 24 bits. */
  readonly masks: readonly number[];
  /** Where palette and pixels begin, and the bytes of a palette entry. */
  readonly paletteAt: number;
  readonly pixelsAt: number;
  readonly entryBytes: number;
}

/** Whether the bytes begin like a BMP file. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

/**
 * Decodes a BMP file of 1, 4, 8, 16, 24 or 32 bits a pixel, with run lengths or without, to RGB.
 *
 * @throws ImageError if the file is cut off, of another kind or too large
 */
export function decodeBmp(bytes: Uint8Array, maxPixels = MAX_PIXELS): DecodedImage {
  const header = readHeader(bytes);
  const { width, height, isFromTop, depth, hasRuns, masks, pixelsAt } = header;
  expectSize(width, height, maxPixels);
  const rowBytes = Math.ceil((width * depth) / 32) * 4;
  // the padding of the last row may be missing
  const end = pixelsAt + rowBytes * (height - 1) + Math.ceil((width * depth) / 8);
  if (!hasRuns && end > bytes.length) throw new ImageError("the BMP file is cut off");
  const indices = hasRuns ? expandRuns(bytes.subarray(pixelsAt), width, height, depth) : undefined;
  const palette = depth <= 8 ? readPalette(bytes, header) : new Uint8Array(0);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const line = isFromTop ? y : height - 1 - y;
    const row = bytes.subarray(pixelsAt + line * rowBytes);
    const to = 3 * y * width;
    if (indices) lookUp(indices.subarray(line * width), 8, palette, data, to, width);
    else if (depth <= 8) lookUp(row, depth, palette, data, to, width);
    else if (depth === 24) reverse(row, 3, data, to, width);
    else if (depth === 32 && masks.every((mask, c) => mask === USUAL_MASKS[32]![c])) {
      reverse(row, 4, data, to, width);
    } else pickBits(row, depth, masks, data, to, width);
  }
  return { data, width, height, channels: 3 };
}

/** @throws ImageError if the file is cut off or of a kind that is not read */
function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = bytes.length >= 18 ? view.getUint32(14, true) : 0;
  const isCore = headerBytes === CORE_HEADER_BYTES;
  const least = isCore ? CORE_HEADER_BYTES : INFO_HEADER_BYTES;
  if (bytes.length < 14 + least) throw new ImageError("the BMP file is cut off");
  const [width, rows] = isCore
    ? [view.getUint16(18, true), view.getUint16(20, true)]
    : [view.getInt32(18, true), view.getInt32(22, true)];
  const depth = view.getUint16(isCore ? 24 : 28, true);
  const compression = isCore ? UNCOMPRESSED : view.getUint32(30, true);
  const hasRuns = compression !== UNCOMPRESSED && compression === RUN_LENGTHS[depth];
  const isPacked = BIT_FIELDS.includes(compression) && (depth === 16 || depth === 32);
  const isKnown =
    headerBytes >= least &&
    [1, 4, 8, 16, 24, 32].includes(depth) &&
    (compression === UNCOMPRESSED || hasRuns || isPacked);
  if (!isKnown) {
    throw new ImageError(`BMP files of ${depth} bits with compression ${compression} are not read`);
  }
  const pixelsAt = view.getUint32(10, true);
  const masksAt = 14 + INFO_HEADER_BYTES;
  if (pixelsAt < 14 + headerBytes || (isPacked && bytes.length < masksAt + 12)) {
    throw new ImageError("the BMP file is damaged: its pixels lie in its header");
  }
  const given = [0, 4, 8].map((at) => view.getUint32(masksAt + at, true));
  return {
    width: Math.max(0, width),
    height: Math.abs(rows),
    isFromTop: rows < 0,
    depth,
    hasRuns,
    masks: isPacked ? given : (USUAL_MASKS[depth] ?? []),
    paletteAt: 14 + headerBytes,
    pixelsAt,
    entryBytes: isCore ? 3 : 4,
  };
}

/** Red, green and blue of 256 indices: black beyond what lies before the pixels. */
function readPalette(bytes: Uint8Array, { paletteAt, pixelsAt, entryBytes }: Header): Uint8Array {
  const palette = new Uint8Array(3 * 256);
  const count = Math.min(256, Math.floor((Math.min(pixelsAt, bytes.length) - paletteAt) / entryBytes));
  for (let index = 0; index < count; index++) {
    for (let c = 0; c < 3; c++) palette[3 * index + c] = bytes[paletteAt + index * entryBytes + 2 - c]!;
  }
  return palette;
}

/** Writes the colors of `width` indices of `depth` bits. */
function lookUp(
  row: Uint8Array,
  depth: number,
  palette: Uint8Array,
  data: Uint8Array,
  to: number,
  width: number,
): void {
  for (let x = 0; x < width; x++) {
    const bit = x * depth;
    const index = (row[bit >> 3]! >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    for (let c = 0; c < 3; c++) data[to + 3 * x + c] = palette[3 * index + c]!;
  }
}

/** Writes `width` pixels that begin with the bytes blue, green, red, `step` bytes apart. */
function reverse(row: Uint8Array, step: number, data: Uint8Array, to: number, width: number): void {
  for (let x = 0; x < width; x++) {
    for (let c = 0; c < 3; c++) data[to + 3 * x + c] = row[x * step + 2 - c]!;
  }
}

/** Writes `width` pixels of 16 or 32 bits: of each channel the bits of its mask, spread over 0..255. */
function pickBits(
  row: Uint8Array,
  depth: number,
  masks: readonly number[],
  data: Uint8Array,
  to: number,
  width: number,
): void {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  masks.forEach((mask, c) => {
    const shift = Math.max(0, 31 - Math.clz32(mask & -mask));
    const most = mask >>> shift;
    for (let x = 0; x < width; x++) {
      const pixel = depth === 16 ? view.getUint16(2 * x, true) : view.getUint32(4 * x, true);
      data[to + 3 * x + c] = most === 0 ? 0 : Math.round((255 * ((pixel & mask) >>> shift)) / most);
    }
  });
}

/**
 * Palette indices [height, width] in the order of the file, from runs of one byte (8 bits) or of two alternating
 * nibbles (4 bits). Pixels that are skipped are 0.
 *
 * @throws ImageError if the runs end before the bitmap does, or leave it
 */
function expandRuns(bytes: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const indices = new Uint8Array(width * height);
  let [x, y, at] = [0, 0, 0];
  const put = (value: number) => {
    if (x >= width || y >= height) throw new ImageError("a run of the BMP file leaves the image");
    indices[y * width + x++] = value;
  };
  /** Pixel `index` of those that begin at byte `first`. */
  const pixel = (first: number, index: number) => {
    if (depth === 8) return bytes[first + index]!;
    return (bytes[first + (index >> 1)]! >> (index % 2 === 0 ? 4 : 0)) & 15;
  };
  while (at + 2 <= bytes.length) {
    const [count, value] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0) {
      for (let i = 0; i < count; i++) put(pixel(at - 1, depth === 8 ? 0 : i % 2));
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      return indices;
    } else if (value === 2) {
      x += bytes[at] ?? 0;
      y += bytes[at + 1] ?? 0;
      at += 2;
    } else {
      const length = Math.ceil((value * depth) / 8);
      if (at + length > bytes.length) break;
      for (let i = 0; i < value; i++) put(pixel(at, i));
      at += length + (length % 2);
    }
  }
  // some writers leave the mark of the end out
  if (y >= height || (y === height - 1 && x === width)) return indices;
  throw new ImageError("the BMP file is cut off");
}
