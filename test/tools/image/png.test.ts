import fc from "fast-check";
import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { ImageError } from "../../../tools/image/image.js";
import { decodeIndices, decodePng } from "../../../tools/image/png.js";
import { encodePng } from "../../../tools/image/png-encode.js";
import { buildPng, type PngParts, pngChunk, SAMPLES } from "./encode.js";

const KINDS = [
  [0, 1],
  [0, 2],
  [0, 4],
  [0, 8],
  [0, 16],
  [2, 8],
  [2, 16],
  [3, 1],
  [3, 2],
  [3, 4],
  [3, 8],
  [4, 8],
  [4, 16],
  [6, 8],
  [6, 16],
] as const;

const PALETTE = Uint8Array.from({ length: 768 }, (_, at) => (at * 89) % 256);

/** A sample that differs from its neighbours, and from itself in its low byte. */
const sampler =
  (depth: number): PngParts["sample"] =>
  (x, y, c) =>
    (x * 7919 + y * 104729 + c * 1299709 + x * y * 31) % 2 ** depth;

/** The pixels that a decoder must give, by definition. */
function expected({ width, height, depth, type, sample }: PngParts): number[] {
  const level = (value: number) => (depth === 16 ? value >> 8 : (value * 255) / (2 ** depth - 1));
  const pixels: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (type === 3) pixels.push(...PALETTE.subarray(3 * sample(x, y, 0), 3 * sample(x, y, 0) + 3));
      else for (let c = 0; c < (type & 2 ? 3 : 1); c++) pixels.push(level(sample(x, y, c)));
    }
  }
  return pixels;
}

const small: PngParts = {
  width: 9,
  height: 7,
  depth: 8,
  type: 2,
  sample: sampler(8),
  filter: (row) => row % 5,
};

/** Changed copies of a file must give an image or a ImageError, never anything else. */
function decodeOrRefuse(bytes: Uint8Array): void {
  try {
    decodePng(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError);
  }
}

describe("decodePng", () => {
  for (const [type, depth] of KINDS) {
    test(`colour type ${type} with ${depth} bits, plain and interlaced, any size and row filter`, () => {
      const sizes = fc.record({
        width: fc.integer({ min: 1, max: 37 }),
        height: fc.integer({ min: 1, max: 19 }),
        interlaced: fc.boolean(),
        filters: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 7 }),
      });
      fc.assert(
        fc.property(sizes, ({ filters, ...size }) => {
          const filter = (row: number) => filters[row % filters.length]!;
          const palette = type === 3 ? { palette: PALETTE.subarray(0, 3 * 2 ** depth) } : {};
          const parts: PngParts = { ...size, ...palette, type, depth, filter, sample: sampler(depth) };
          const image = decodePng(buildPng(parts));
          expect(image).toMatchObject({
            width: size.width,
            height: size.height,
            channels: type & 3 ? 3 : 1,
          });
          expect([...image.data]).toEqual(expected(parts));
        }),
        { numRuns: 40, seed: 7 },
      );
    });
  }

  test("transparency is dropped: pixels keep the colour stored for them", () => {
    const parts: PngParts = {
      ...small,
      depth: 4,
      type: 3,
      palette: PALETTE.subarray(0, 48),
      sample: sampler(4),
    };
    const bytes = buildPng({ ...parts, transparency: new Uint8Array(16) });
    expect([...decodePng(bytes).data]).toEqual(expected(parts));
    const key = buildPng({ ...small, transparency: new Uint8Array(6) });
    expect([...decodePng(key).data]).toEqual(expected(small));
  });

  test("1x1 and 1x5000", () => {
    for (const [width, height] of [
      [1, 1],
      [1, 5000],
      [5000, 1],
    ] as const) {
      const parts = { ...small, width, height };
      expect([...decodePng(buildPng(parts)).data]).toEqual(expected(parts));
    }
  });

  test.each([
    [{ width: 0 }, "the image has no pixels (0x7)"],
    [{ height: 0 }, "the image has no pixels (9x0)"],
    [{ width: 16385 }, "16385x7 is larger than 16384 pixels a side"],
    [{ type: 3 }, "the PNG file has no palette"],
    [{ filter: () => 9 }, "the PNG file is damaged: there is no row filter 9"],
    [{ type: 5 }, "the PNG file is damaged: its header is not valid"],
    [{ depth: 3 }, "the PNG file is damaged: its header is not valid"],
  ] as const)("refuses %o", (change, message) => {
    const parts = { ...small, ...change } as PngParts;
    const rows = { ...parts, type: parts.type in SAMPLES ? parts.type : 2, width: Math.min(parts.width, 9) };
    const bytes = Buffer.from(buildPng({ ...rows, depth: parts.depth === 3 ? 8 : parts.depth }));
    expect(() => decodePng(withHeader(bytes, parts))).toThrow(message);
  });

  test("a header that promises more or fewer pixels", () => {
    const bytes = Buffer.from(buildPng(small));
    expect(() => decodePng(withHeader(bytes, { ...small, height: 8 }))).toThrow(/fewer pixels|cut off/);
    const { data, warnings } = decodePng(withHeader(bytes, { ...small, height: 6 }));
    expect([...data]).toEqual(expected({ ...small, height: 6 }));
    expect(warnings).toEqual(["the PNG file holds more pixels than it promises"]);
    const bomb = Buffer.from(buildPng({ ...small, width: 1000, height: 1000, sample: () => 0 }));
    expect(() => decodePng(withHeader(bomb, small))).toThrow("more pixels than it promises");
  });

  test("indices beyond the palette are black", () => {
    const parts: PngParts = { ...small, type: 3, palette: PALETTE.subarray(0, 6), sample: (x) => x };
    const black = new Array(7 * 3).fill(0);
    expect([...decodePng(buildPng(parts)).data.subarray(0, 27)]).toEqual([
      ...PALETTE.subarray(0, 6),
      ...black,
    ]);
  });

  test("Apple's variant is refused by name", () => {
    const bytes = buildPng(small);
    const variant = Buffer.concat([
      bytes.subarray(0, 8),
      pngChunk("CgBI", new Uint8Array(4)),
      bytes.subarray(8),
    ]);
    expect(() => decodePng(variant)).toThrow(/CgBI/);
  });

  test("is turned upright as an eXIf chunk says", () => {
    const bytes = buildPng({ ...small, filter: () => 0 });
    const exif = Buffer.from("4d4d002a00000008000101120004000000010000000600000000", "hex");
    const after = 8 + 25;
    const turned = Buffer.concat([bytes.subarray(0, after), pngChunk("eXIf", exif), bytes.subarray(after)]);
    const { data, width, height } = decodePng(turned);
    expect([width, height]).toEqual([7, 9]);
    const pixel = (x: number, y: number) => [0, 1, 2].map((c) => small.sample(x, y, c));
    expect([...data.subarray(0, 6)]).toEqual([...pixel(0, 6), ...pixel(0, 5)]);
    expect([...data.subarray(-3)]).toEqual(pixel(8, 0));
  });

  test("a wrong checksum of the pixels' chunk is a warning, a wrong one of the pixels refused", () => {
    const bytes = Buffer.from(buildPng(small));
    const last = bytes.indexOf("IEND") - 5;
    bytes[last]! ^= 1;
    const { data, warnings } = decodePng(bytes);
    expect([...data]).toEqual(expected(small));
    expect(warnings).toEqual(["the PNG file is damaged: the checksum of its IDAT part does not match"]);
    bytes[last - 4]! ^= 1;
    expect(() => decodePng(bytes)).toThrow("the PNG file is damaged: its pixels cannot be unpacked");
  });

  test("a wrong checksum of a text is a warning, and a turn with a wrong checksum is not made", () => {
    const exif = Buffer.from("4d4d002a00000008000101120004000000010000000600000000", "hex");
    for (const [name, body] of [
      ["tEXt", Buffer.from("Comment\0street")],
      ["eXIf", exif],
    ] as const) {
      const bytes = Buffer.from(buildPng(small));
      const part = Buffer.from(pngChunk(name, body));
      part[part.length - 1]! ^= 1;
      const { data, width, warnings } = decodePng(
        Buffer.concat([bytes.subarray(0, 33), part, bytes.subarray(33)]),
      );
      expect([width, ...data]).toEqual([9, ...expected(small)]);
      expect(warnings).toEqual([`the PNG file is damaged: the checksum of its ${name} part does not match`]);
    }
  });

  test("pixels without their checksum are read with a warning", () => {
    const bytes = Buffer.from(buildPng(small));
    const from = bytes.indexOf("IDAT");
    const packed = bytes.subarray(from + 4, from + bytes.readUInt32BE(from - 4));
    const end = bytes.subarray(bytes.indexOf("IEND") - 4);
    const file = Buffer.concat([bytes.subarray(0, from - 4), pngChunk("IDAT", packed), end]);
    const { data, warnings } = decodePng(file);
    expect([...data]).toEqual(expected(small));
    expect(warnings).toEqual(["the pixels of the PNG file have no end mark"]);
  });

  test("every length of a cut-off file is refused, or read where only the end mark is missing", () => {
    const bytes = buildPng(small);
    for (let length = 8; length < bytes.length - 12; length++) {
      expect(() => decodePng(bytes.subarray(0, length))).toThrow(ImageError);
    }
    for (let length = bytes.length - 12; length < bytes.length; length++) {
      const { data, warnings } = decodePng(bytes.subarray(0, length));
      expect([...data]).toEqual(expected(small));
      expect(warnings).toEqual(["the PNG file has no end mark"]);
    }
  });

  test("every changed byte, and random bytes within the pixels, give an image or a ImageError", () => {
    const bytes = buildPng({ ...small, interlaced: true });
    for (let at = 8; at < bytes.length; at++) {
      for (const flip of [1, 64, 255]) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= flip;
        decodeOrRefuse(changed);
      }
    }
  });
});

/** The file with another header, its checksum made right. */
function withHeader(bytes: Buffer, { width, height, depth, type }: PngParts): Buffer {
  const fresh = Buffer.from(buildPng({ ...small, width: 1, height: 1 }));
  const header = Buffer.from(fresh.subarray(0, 33));
  header.writeUInt32BE(width, 16);
  header.writeUInt32BE(height, 20);
  header[24] = depth;
  header[25] = type;
  header.writeUInt32BE(checksum(header.subarray(12, 29)), 29);
  return Buffer.concat([header, bytes.subarray(33)]);
}

function checksum(bytes: Uint8Array): number {
  let word = -1;
  for (const byte of bytes) {
    word ^= byte;
    for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ 0xedb88320 : word >>> 1;
  }
  return ~word >>> 0;
}

describe("decodeIndices", () => {
  for (const [type, depth] of KINDS) {
    const parts: PngParts = { ...small, type, depth, sample: sampler(depth), interlaced: depth < 8 };
    const bytes = buildPng({ ...parts, ...(type === 3 && { palette: PALETTE }) });
    if ((type === 0 || type === 3) && depth <= 8) {
      test(`colour type ${type} with ${depth} bits gives the numbers stored`, () => {
        const stored = Array.from({ length: 63 }, (_, at) => parts.sample(at % 9, Math.floor(at / 9), 0));
        expect(decodeIndices(bytes)).toEqual({
          data: Uint8Array.from(stored),
          width: 9,
          height: 7,
          channels: 1,
        });
      });
    } else {
      test(`colour type ${type} with ${depth} bits is refused`, () => {
        expect(() => decodeIndices(bytes)).toThrow("not grey or indexed with at most 8 bits");
      });
    }
  }
});

describe("encodePng", () => {
  const image = (width: number, height: number, channels: 1 | 3 | 4) => {
    const data = Uint8Array.from(
      { length: width * height * channels },
      (_, at) => (at * 37 + (at >> 3)) % 256,
    );
    return { data, width, height, channels };
  };

  test.each([1, 3, 4] as const)("%i channels come back from another decoder", (channels) => {
    for (const [width, height] of [
      [1, 1],
      [17, 5],
      [1, 300],
    ] as const) {
      const original = image(width, height, channels);
      const decoded = decode(encodePng(original), { checkCrc: true });
      expect(decoded).toMatchObject({ width, height, channels, depth: 8 });
      expect([...decoded.data]).toEqual([...original.data]);
    }
  });

  test("a mask keeps its class ids and carries the palette", () => {
    const mask = { ...image(16, 4, 1), data: Uint8Array.from({ length: 64 }, (_, at) => at % 3) };
    const palette = [
      [1, 2, 3],
      [40, 50, 60],
      [255, 0, 128],
    ] as const;
    const bytes = encodePng(mask, palette);
    const decoded = decode(bytes, { checkCrc: true });
    expect([...decoded.data]).toEqual([...mask.data]);
    expect(decoded.palette).toEqual(palette);
    expect([...decodePng(bytes).data.subarray(0, 9)]).toEqual(palette.flat());
  });
});
