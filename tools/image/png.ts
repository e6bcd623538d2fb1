/**
 * PNG (ISO/IEC 15948): every colour type, bit depth and interlacing is read into 8-bit grey or RGB. Transparency is
 * dropped: a pixel keeps the colour stored for it.
 */
import { constants, inflateSync } from "node:zlib";
import { crc32 } from "../../src/checksum.js";
import { orientationOf, turnUpright } from "./exif.js";
import { type DecodedImage, expectSize, ImageError, MAX_PIXELS } from "./image.js";
import { GRAY, GRAY_ALPHA, PALETTE, paeth, RGB, RGB_ALPHA, SIGNATURE } from "./png-parts.js";

/** Samples per pixel and the bit depths allowed, by colour type. */
const COLOR_TYPES: ReadonlyMap<number, { samples: number; depths: readonly number[] }> = new Map([
  [GRAY, { samples: 1, depths: [1, 2, 4, 8, 16] }],
  [RGB, { samples: 3, depths: [8, 16] }],
  [PALETTE, { samples: 1, depths: [1, 2, 4, 8] }],
  [GRAY_ALPHA, { samples: 2, depths: [8, 16] }],
  [RGB_ALPHA, { samples: 4, depths: [8, 16] }],
]);

/** Start and step of the passes of an interlaced image (Adam7). */
const ADAM7 = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];
const ONE_PASS = [{ x: 0, y: 0, stepX: 1, stepY: 1 }];

/** The name of the chunks that hold the pixels, as a number. */
const IDAT = 0x49444154;
/** Bytes that a file may hold beyond twice its pixels before it counts as a bomb. */
const SLACK = 1 << 20;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly type: number;
  readonly samples: number;
  /** What a sample of fewer than 8 bits is multiplied by. */
  readonly spread: number;
  readonly interlaced: boolean;
}

/** Whether the bytes begin like a PNG file. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, at) => bytes[at] === byte);
}

/** What the chunks of a file hold. */
interface Chunks {
  readonly header: Header;
  readonly palette: Uint8Array;
  readonly packed: Uint8Array;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
  /** What is wrong with the file but leaves it readable. */
  readonly warnings: string[];
}

/**
 * Decodes a PNG file: 16-bit samples keep their high byte, fewer than 8 bits are spread over 0..255, palette
 * indices become RGB, those beyond the palette black. It is turned upright as its EXIF orientation says.
 *
 * @throws ImageError if the file is damaged beyond reading or too large
 */
export function decodePng(bytes: Uint8Array, maxPixels = MAX_PIXELS): DecodedImage {
  const chunks = readChunks(bytes, maxPixels);
  const image = decodeRows(chunks);
  const { warnings, orientation } = chunks;
  return turnUpright(warnings.length > 0 ? { ...image, warnings } : image, orientation);
}

/**
 * Decodes a grey or palette PNG file of at most 8 bits to the numbers stored in it: grey levels are not spread over
 * 0..255, and palette indices stay indices.
 *
 * @throws ImageError if the file is damaged, of another kind or larger than 16384 pixels a side
 */
export function decodeIndices(bytes: Uint8Array): DecodedImage {
  const chunks = readChunks(bytes, MAX_PIXELS);
  const { header } = chunks;
  if ((header.type !== GRAY && header.type !== PALETTE) || header.depth > 8) {
    throw new ImageError("the PNG file is not grey or indexed with at most 8 bits a pixel");
  }
  return decodeRows({ ...chunks, header: { ...header, type: GRAY, spread: 1 } });
}

/** Unpacks the pixels of all passes. */
function decodeRows({ header, palette, packed, warnings }: Chunks): DecodedImage {
  const passes = header.interlaced ? ADAM7 : ONE_PASS;
  const bitsPerPixel = header.samples * header.depth;
  const layout = passes.map((pass) => {
    const width = Math.max(0, Math.ceil((header.width - pass.x) / pass.stepX));
    const height = Math.max(0, Math.ceil((header.height - pass.y) / pass.stepY));
    return {
      ...pass,
      width,
      height: width === 0 ? 0 : height,
      rowBytes: Math.ceil((width * bitsPerPixel) / 8),
    };
  });
  const expected = layout.reduce((total, pass) => total + pass.height * (1 + pass.rowBytes), 0);
  const rows = inflate(packed, expected, warnings);

  const channels = header.type === GRAY || header.type === GRAY_ALPHA ? 1 : 3;
  const data = new Uint8Array(header.width * header.height * channels);
  // what lies beyond the palette is black
  const colors = new Uint8Array(3 * 256);
  colors.set(palette.subarray(0, colors.length));
  let highest = 0;
  let at = 0;
  for (const pass of layout) {
    let above: Uint8Array = new Uint8Array(pass.rowBytes);
    for (let y = 0; y < pass.height; y++) {
      const row = rows.subarray(at + 1, at + 1 + pass.rowBytes);
      unfilter(rows[at]!, row, above, Math.ceil(bitsPerPixel / 8));
      const start = ((pass.y + y * pass.stepY) * header.width + pass.x) * channels;
      const index = unpack(row, header, colors, data, start, pass.width, pass.stepX * channels);
      highest = Math.max(highest, index);
      at += 1 + pass.rowBytes;
      above = row;
    }
  }
  if (3 * highest >= palette.length && header.type === PALETTE)
    warnings.push("the PNG file has pixels of colours that its palette lacks");
  return { data, width: header.width, height: header.height, channels };
}

/** Reads the chunks up to the end mark, or to the end of the file if the pixels came before it. */
function readChunks(bytes: Uint8Array, maxPixels: number): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Header | undefined;
  let palette: Uint8Array = new Uint8Array(0);
  const packed: Uint8Array[] = [];
  const warnings: string[] = [];
  let orientation = 1;
  let ended = false;
  for (let at = SIGNATURE.length; !ended; ) {
    const length = at + 8 <= bytes.length ? view.getUint32(at) : 0;
    if (at + 12 + length > bytes.length) {
      const isPixels = at + 8 <= bytes.length && view.getUint32(at + 4) === IDAT;
      if (packed.length === 0 || isPixels) throw new ImageError("the PNG file is cut off");
      warnings.push("the PNG file has no end mark");
      break;
    }
    const body = bytes.subarray(at + 8, at + 8 + length);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const critical = (bytes[at + 4]! & 32) === 0;
    const isWhole = crc32(bytes.subarray(at + 4, at + 8 + length)) === view.getUint32(at + 8 + length);
    if (!isWhole) {
      const complaint = `the PNG file is damaged: the checksum of its ${printable(name)} part does not match`;
      // the pixels have another checksum among them
      if (critical && name !== "IDAT") throw new ImageError(complaint);
      if (!warnings.includes(complaint)) warnings.push(complaint);
    }
    if (name === "CgBI") throw new ImageError("PNG files that Xcode has optimised (CgBI) are not read");
    if (!header && name !== "IHDR")
      throw new ImageError("the PNG file is damaged: it does not begin with IHDR");
    if (name === "IHDR") header ??= readHeader(body, maxPixels);
    else if (name === "PLTE") palette = body;
    else if (name === "IDAT") packed.push(body);
    else if (name === "IEND") ended = true;
    else if (name === "eXIf" && isWhole) orientation = orientationOf(body);
    else if (critical) throw new ImageError(`the PNG file has an unknown part ${printable(name)}`);
    at += 12 + length;
  }
  if (header!.type === PALETTE && palette.length < 3) throw new ImageError("the PNG file has no palette");
  const joined = packed.length === 1 ? packed[0]! : Buffer.concat(packed);
  return { header: header!, palette, packed: joined, orientation, warnings };
}

function readHeader(body: Uint8Array, maxPixels: number): Header {
  if (body.length !== 13) throw new ImageError("the PNG file is damaged: its header has the wrong length");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  const [depth, type, compression, filter, interlace] = body.subarray(8) as unknown as number[];
  const kind = COLOR_TYPES.get(type!);
  if (!kind?.depths.includes(depth!) || compression !== 0 || filter !== 0 || interlace! > 1) {
    throw new ImageError("the PNG file is damaged: its header is not valid");
  }
  expectSize(width, height, maxPixels);
  return {
    width,
    height,
    depth: depth!,
    type: type!,
    samples: kind.samples,
    spread: type === PALETTE ? 1 : 255 / (2 ** Math.min(depth!, 8) - 1),
    interlaced: interlace === 1,
  };
}

/** The compressed rows, of which what follows the last is passed over. */
function inflate(packed: Uint8Array, expected: number, warnings: string[]): Uint8Array {
  const chunkSize = Math.min(Math.max(64, expected + 1), 1 << 26);
  const options = { maxOutputLength: 2 * expected + SLACK, chunkSize };
  let rows: Uint8Array;
  try {
    rows = inflateSync(packed, options);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE")
      throw new ImageError("the PNG file holds more pixels than it promises");
    if (code !== "Z_BUF_ERROR")
      throw new ImageError("the PNG file is damaged: its pixels cannot be unpacked");
    // the checksum at the end may be all that is missing
    rows = inflateSync(packed, { ...options, finishFlush: constants.Z_SYNC_FLUSH });
    if (rows.length < expected) throw new ImageError("the PNG file is cut off");
    warnings.push("the pixels of the PNG file have no end mark");
  }
  if (rows.length < expected) throw new ImageError("the PNG file holds fewer pixels than it promises");
  if (rows.length > expected) warnings.push("the PNG file holds more pixels than it promises");
  return rows;
}

/** Undoes the filter of one row in place; `above` is the row before it, `step` the bytes of a pixel. */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, step: number): void {
  const length = row.length;
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = step; i < length; i++) row[i]! += row[i - step]!;
      return;
    case 2:
      for (let i = 0; i < length; i++) row[i]! += above[i]!;
      return;
    case 3:
      for (let i = 0; i < length; i++) row[i]! += ((i < step ? 0 : row[i - step]!) + above[i]!) >> 1;
      return;
    case 4:
      for (let i = 0; i < Math.min(step, length); i++) row[i]! += above[i]!;
      for (let i = step; i < length; i++) row[i]! += paeth(row[i - step]!, above[i]!, above[i - step]!);
      return;
    default:
      throw new ImageError(`the PNG file is damaged: there is no row filter ${filter}`);
  }
}

/**
 * Writes `count` pixels of a row as 8-bit grey or RGB, from `start` on, `step` bytes apart.
 *
 * @returns the highest index into the palette, 0 where there is none
 */
function unpack(
  row: Uint8Array,
  { depth, type, samples, spread }: Header,
  colors: Uint8Array,
  data: Uint8Array,
  start: number,
  count: number,
  step: number,
): number {
  let highest = 0;
  if (depth === 8 && (type === GRAY || type === RGB) && step === samples) {
    data.set(row, start);
    return highest;
  }
  for (let x = 0, at = start; x < count; x++, at += step) {
    const first = sampleAt(row, x * samples, depth) * spread;
    if (type === PALETTE) {
      highest = Math.max(highest, first);
      for (let c = 0; c < 3; c++) data[at + c] = colors[3 * first + c]!;
    } else {
      data[at] = first;
      if (type === RGB || type === RGB_ALPHA) {
        data[at + 1] = sampleAt(row, x * samples + 1, depth);
        data[at + 2] = sampleAt(row, x * samples + 2, depth);
      }
    }
  }
  return highest;
}

/** The sample with this index in a row: its high byte if it has 16 bits. */
function sampleAt(row: Uint8Array, index: number, depth: number): number {
  if (depth === 8) return row[index]!;
  if (depth === 16) return row[2 * index]!;
  const bit = index * depth;
  return (row[bit >> 3]! >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

function printable(name: string): string {
  return /^[A-Za-z]{4}$/.test(name) ? name : "(unnamed)";
}
