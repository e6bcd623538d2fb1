import { existsSync, readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ImageError } from "../../../tools/image/image.js";
import { decodeJpeg } from "../../../tools/image/jpeg.js";
import { buildJpeg } from "./encode.js";

const FRAME = "../shared/camvid/701_StillsRaw_full/0001TP_009210.jpg";

async function decodeOrRefuse(bytes: Uint8Array): Promise<boolean> {
  try {
    await decodeJpeg(bytes);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError);
    return false;
  }
}

describe("decodeJpeg", () => {
  test.each([1, 3])("%i components of any size", async (components) => {
    for (const [width, height] of [
      [1, 1],
      [1, 5000],
      [5000, 1],
      [19, 33],
    ] as const) {
      const level = (column: number, row: number) => ((column * 3 + row * 5) % 16) * 16;
      const { data, ...size } = await decodeJpeg(buildJpeg({ width, height, components, level }));
      expect(size).toEqual({ width, height, channels: 4 });
      for (let pixel = 0; pixel < width * height; pixel++) {
        const wanted = level((pixel % width) >> 3, Math.floor(pixel / width) >> 3);
        expect([...data.subarray(4 * pixel, 4 * pixel + 4)]).toEqual([wanted, wanted, wanted, 255]);
      }
    }
  });

  test("is turned upright as the EXIF orientation says", async () => {
    const level = (column: number, row: number) => [16, 64, 112, 160, 208, 240][row * 3 + column]!;
    const wanted: Record<number, number[][]> = {
      1: [
        [16, 64, 112],
        [160, 208, 240],
      ],
      2: [
        [112, 64, 16],
        [240, 208, 160],
      ],
      3: [
        [240, 208, 160],
        [112, 64, 16],
      ],
      4: [
        [160, 208, 240],
        [16, 64, 112],
      ],
      5: [
        [16, 160],
        [64, 208],
        [112, 240],
      ],
      6: [
        [160, 16],
        [208, 64],
        [240, 112],
      ],
      7: [
        [240, 112],
        [208, 64],
        [160, 16],
      ],
      8: [
        [112, 240],
        [64, 208],
        [16, 160],
      ],
    };
    for (const [orientation, blocks] of Object.entries(wanted)) {
      const bytes = buildJpeg({ width: 24, height: 16, level, orientation: Number(orientation) });
      const { data, width, height } = await decodeJpeg(bytes);
      expect([width, height]).toEqual([blocks[0]!.length * 8, blocks.length * 8]);
      const middles = blocks.map((row, y) => row.map((_, x) => data[4 * ((y * 8 + 4) * width + x * 8 + 4)]));
      expect(middles, `orientation ${orientation}`).toEqual(blocks);
    }
  });

  test("12000x9000", async () => {
    const { width, height, data } = await decodeJpeg(buildJpeg({ width: 12000, height: 9000 }), 12000 * 9000);
    expect([width, height, data.length]).toEqual([12000, 9000, 12000 * 9000 * 4]);
  }, 60_000);

  test.each([
    [{ width: 12000, height: 9000 }, "12000x9000 is more than 100 million pixels, the limit"],
    [{ width: 0, height: 8 }, "the image has no pixels (0x8)"],
    [{ width: 8, height: 0 }, "the image has no pixels (8x0)"],
    [{ width: 20000, height: 8 }, "20000x8 is larger than 16384 pixels a side"],
  ])("refuses %o", async (parts, message) => {
    await expect(decodeJpeg(buildJpeg(parts))).rejects.toThrow(message);
  });

  test("every length of a cut-off file is refused", async () => {
    const bytes = buildJpeg({ width: 40, height: 40, level: (column) => column * 16 });
    for (let length = 3; length < bytes.length - 2; length++) {
      await expect(decodeJpeg(bytes.subarray(0, length)), `${length} bytes`).rejects.toThrow(ImageError);
    }
  });

  test("without an end mark, also with something else behind, it is read with a warning", async () => {
    const bytes = buildJpeg({ width: 40, height: 40, level: (column) => column * 16 });
    const { data } = await decodeJpeg(bytes);
    for (const trailer of ["", "some text", "\0\0\0\0"]) {
      const cut = Buffer.concat([bytes.subarray(0, -2), Buffer.from(trailer)]);
      const image = await decodeJpeg(cut);
      expect(image.data).toEqual(data);
      expect(image.warnings).toContain("the JPEG file has no end mark");
    }
  });

  test("bytes between segments are passed over with a warning", async () => {
    const bytes = buildJpeg({ width: 8, height: 8 });
    const { warnings } = await decodeJpeg(
      Buffer.concat([bytes.subarray(0, 2), bytes.subarray(2, 71), Buffer.from("abc"), bytes.subarray(71)]),
    );
    expect(warnings).toEqual([expect.stringMatching(/^Corrupt JPEG data: 3 extraneous bytes before marker/)]);
  });

  test("every changed byte gives an image or a ImageError, and the next file decodes", async () => {
    const bytes = buildJpeg({
      width: 24,
      height: 24,
      components: 3,
      level: (column, row) => (column + row) * 16,
    });
    for (let at = 3; at < bytes.length; at++) {
      const changed = Uint8Array.from(bytes);
      changed[at]! ^= 255;
      await decodeOrRefuse(changed);
    }
    expect(await decodeOrRefuse(bytes)).toBe(true);
  }, 60_000);

  test.skipIf(!existsSync(FRAME))(`gives the bytes of libjpeg for ${FRAME}`, async () => {
    const { data, width, height } = await decodeJpeg(readFileSync(FRAME));
    const rgb = Uint8Array.from(
      { length: width * height * 3 },
      (_, at) => data[Math.floor(at / 3) * 4 + (at % 3)]!,
    );
    expect(crc32(rgb)).toBe(3510866896);
  });
});
