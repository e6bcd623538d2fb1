import { describe, expect, it } from "vitest";
import { referenceInput } from "../../../tools/reference/run.js";
import { Random } from "../../fixtures/random.js";

/** Grey levels 0..255 of the result, [height, width]; all three channels must agree. */
function resizeGray(levels: readonly number[], width: number, outWidth: number, outHeight: number): number[] {
  const height = levels.length / width;
  const result = referenceInput(Uint8Array.from(levels), width, height, 1, outWidth, outHeight);
  const gray: number[] = [];
  for (let at = 0; at < result.length; at += 3) {
    expect([result[at + 1], result[at + 2]]).toEqual([result[at], result[at]]);
    gray.push(result[at]! + 128);
  }
  return gray;
}

describe("referenceInput", () => {
  it("at the same size is rgb - 128", () => {
    const pixels = new Random(1).uint8(5 * 7 * 3);
    expect(referenceInput(pixels, 7, 5, 3, 7, 5)).toEqual(Int8Array.from(pixels, (level) => level - 128));
  });

  it("leaves alpha out", () => {
    const random = new Random(2);
    const rgb = random.uint8(9 * 4 * 3);
    const rgba = new Uint8Array(9 * 4 * 4).map((_, at) => {
      return at % 4 === 3 ? random.integer(0, 255) : rgb[Math.floor(at / 4) * 3 + (at % 4)]!;
    });
    expect(referenceInput(rgba, 9, 4, 4, 5, 6)).toEqual(referenceInput(rgb, 9, 4, 3, 5, 6));
  });

  it.each([0, 1, 127, 128, 254, 255])("keeps an image of nothing but %i, at any size", (level) => {
    for (const [width, height] of [
      [1, 1],
      [3, 5],
      [17, 2],
      [64, 64],
      [101, 33],
    ] as const) {
      const image = new Array<number>(31 * 7).fill(level);
      expect(new Set(resizeGray(image, 31, width, height))).toEqual(new Set([level]));
    }
  });

  it("at half the size weighs four pixels 1:3:3:1, fewer at the borders", () => {
    // pixel 1 of 4 lies between source pixels 2 and 3 and reaches to 1 and 4
    const levels = [10, 20, 80, 40, 200, 100, 0, 60];
    const inside = (20 + 3 * 80 + 3 * 40 + 200) / 8;
    const first = (3 * 10 + 3 * 20 + 80) / 7;
    const last = (100 + 3 * 0 + 3 * 60) / 7;
    const result = resizeGray(levels, 8, 4, 1);
    expect([result[0], result[1], result[3]]).toEqual([first, inside, last].map(Math.round));
  });

  it("at half the size does the same down as across", () => {
    const levels = [...new Random(3).uint8(12)];
    expect(resizeGray(levels, 1, 1, 6)).toEqual(resizeGray(levels, 12, 6, 1));
  });

  it("at twice the size lies a quarter of the way between pixels", () => {
    expect(resizeGray([0, 100, 200], 3, 6, 1)).toEqual([0, 25, 75, 125, 175, 200]);
  });

  it("at three times the size of one pixel repeats it", () => {
    expect(resizeGray([77], 1, 3, 3)).toEqual(new Array(9).fill(77));
  });

  it("makes a line of a line, away from the borders", () => {
    // level 2 x at x; pixel i of 40 lies at (i + 1/2) * 100 / 40 - 1/2
    const line = Array.from({ length: 100 }, (_, x) => 2 * x);
    resizeGray(line, 100, 40, 1).forEach((level, i) => {
      const real = 2 * ((i + 0.5) * 2.5 - 0.5);
      if (i > 1 && i < 38) expect(Math.abs(level - real)).toBeLessThanOrEqual(0.5);
    });
  });

  it("resizes across before down, rounding each", () => {
    // rows 0 0 and 1 3: across 0 and 2, then down 1; the other order would give 1 and 2, then 2
    expect(resizeGray([0, 0, 1, 3], 2, 1, 1)).toEqual([1]);
    // rows 0 1 and 0 3: across 1 and 2, then down 2; the other order would give 0 and 2, then 1
    expect(resizeGray([0, 1, 0, 3], 2, 1, 1)).toEqual([2]);
  });
});
