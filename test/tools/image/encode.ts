/** Image files made by code, so that tests need no binary fixtures and share no code with the decoders. */
import { crc32, deflateSync } from "node:zlib";

/** A PNG file to build. */
export interface PngParts {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** Colour type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. */
  readonly type: number;
  readonly interlaced?: boolean;
  readonly palette?: Uint8Array;
  readonly transparency?: Uint8Array;
  /** Filter of each row, counted over all passes. */
  readonly filter?: (row: number) => number;
  /** Value of a sample, 0..2^depth - 1. */
  readonly sample: (x: number, y: number, channel: number) => number;
}

export const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Builds a PNG file. */
export function buildPng(parts: PngParts): Uint8Array {
  const { width, height, depth, type, interlaced = false, palette, transparency } = parts;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type, 0, 0, interlaced ? 1 : 0], 8);
  return Buffer.concat([
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    pngChunk("IHDR", header),
    ...(palette ? [pngChunk("PLTE", palette)] : []),
    ...(transparency ? [pngChunk("tRNS", transparency)] : []),
    pngChunk("tEXt", Buffer.from("Comment\0made by a test", "latin1")),
    pngChunk("IDAT", deflateSync(packRows(parts))),
    pngChunk("IEND", new Uint8Array(0)),
  ]);
}

/** One chunk of a PNG file. */
export function pngChunk(name: string, body: Uint8Array): Uint8Array {
  const named = Buffer.concat([Buffer.from(name, "latin1"), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, checksum]);
}

function packRows({
  width,
  height,
  depth,
  type,
  interlaced,
  filter = () => 0,
  sample,
}: PngParts): Uint8Array {
  const samples = SAMPLES[type]!;
  const rows: Buffer[] = [];
  for (const [x0, y0, stepX, stepY] of interlaced ? PASSES : [[0, 0, 1, 1] as const]) {
    const columns = Math.max(0, Math.ceil((width - x0) / stepX));
    if (columns === 0) continue;
    const rowBytes = Math.ceil((columns * samples * depth) / 8);
    const pixelBytes = Math.max(1, (samples * depth) >> 3);
    let above: Uint8Array = new Uint8Array(rowBytes);
    for (let y = y0; y < height; y += stepY) {
      const row = new Uint8Array(rowBytes);
      for (let x = 0; x < columns; x++) {
        for (let c = 0; c < samples; c++)
          putSample(row, x * samples + c, depth, sample(x0 + x * stepX, y, c));
      }
      rows.push(filterRow(filter(rows.length), row, above, pixelBytes));
      above = row;
    }
  }
  return Buffer.concat(rows);
}

function putSample(row: Uint8Array, index: number, depth: number, value: number): void {
  if (depth === 16) row.set([value >> 8, value & 255], 2 * index);
  else row[(index * depth) >> 3]! |= value << (8 - depth - ((index * depth) & 7));
}

function filterRow(filter: number, row: Uint8Array, above: Uint8Array, step: number): Buffer {
  const out = Buffer.alloc(row.length + 1);
  out[0] = filter;
  for (let i = 0; i < row.length; i++) {
    const [a, b, c] = [row[i - step] ?? 0, above[i]!, above[i - step] ?? 0];
    const nearest = [a, b, c].sort((p, q) => Math.abs(a + b - c - p) - Math.abs(a + b - c - q))[0]!;
    out[i + 1] = row[i]! - [0, a, b, (a + b) >> 1, nearest][filter]!;
  }
  return out;
}

/** A JPEG file to build: baseline, every 8x8 block of one level. */
export interface JpegParts {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 colour, 4 CMYK. */
  readonly components?: number;
  /** Level of the blocks of the first component in reading order, 0..255 in steps of 16; others are 128. */
  readonly level?: (column: number, row: number) => number;
  /** EXIF orientation, 1..8. */
  readonly orientation?: number;
}

/** Builds a JPEG file. */
export function buildJpeg({
  width,
  height,
  components = 1,
  level = () => 128,
  orientation,
}: JpegParts): Uint8Array {
  const ids = Array.from({ length: components }, (_, i) => i + 1);
  const size = Buffer.alloc(4);
  size.writeUInt16BE(height, 0);
  size.writeUInt16BE(width, 2);
  return Buffer.concat([
    Uint8Array.of(0xff, 0xd8),
    ...(orientation ? [segment(0xe1, exif(orientation))] : []),
    segment(0xdb, [0, ...new Array<number>(64).fill(16)]),
    segment(0xc0, [8, ...size, components, ...ids.flatMap((id) => [id, 0x11, 0])]),
    // Differences of 0 to 8 bits as codes of 4 bits; of the other coefficients only the end of a block, "0".
    segment(0xc4, [0x00, 0, 0, 0, 9, ...new Array<number>(12).fill(0), 0, 1, 2, 3, 4, 5, 6, 7, 8]),
    segment(0xc4, [0x10, 1, ...new Array<number>(15).fill(0), 0]),
    segment(0xda, [components, ...ids.flatMap((id) => [id, 0]), 0, 63, 0]),
    scan(width, height, components, level),
    Uint8Array.of(0xff, 0xd9),
  ]);
}

function segment(marker: number, body: Iterable<number>): Uint8Array {
  const bytes = Uint8Array.from(body);
  return Uint8Array.of(0xff, marker, (bytes.length + 2) >> 8, (bytes.length + 2) & 255, ...bytes);
}

/** Big-endian TIFF with one entry: tag 0x0112, one SHORT. */
function exif(orientation: number): Uint8Array {
  const head = [...Buffer.from("Exif\0\0MM\0*", "latin1"), 0, 0, 0, 8, 0, 1];
  return Uint8Array.of(...head, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0);
}

function scan(
  width: number,
  height: number,
  components: number,
  level: (column: number, row: number) => number,
): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let count = 0;
  const put = (value: number, length: number) => {
    bits = (bits << length) | value;
    count += length;
    while (count >= 8) {
      const byte = (bits >> (count - 8)) & 255;
      bytes.push(byte);
      if (byte === 255) bytes.push(0);
      count -= 8;
    }
    bits &= (1 << count) - 1;
  };
  let last = 0;
  for (let row = 0; row < Math.ceil(height / 8); row++) {
    for (let column = 0; column < Math.ceil(width / 8); column++) {
      for (let component = 0; component < components; component++) {
        // A level is 128 plus an eighth of the first coefficient, which is 16 times what is stored.
        const value = component === 0 ? Math.round((level(column, row) - 128) / 2) : 0;
        const difference = component === 0 ? value - last : 0;
        if (component === 0) last = value;
        const size = 32 - Math.clz32(Math.abs(difference));
        put(size, 4);
        if (size > 0) put(difference > 0 ? difference : difference + (1 << size) - 1, size);
        put(0, 1);
      }
    }
  }
  put(127, 7);
  return Uint8Array.from(bytes);
}
