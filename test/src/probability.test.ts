import { describe, expect, it } from "vitest";
import { Segmenter } from "../../src/index.js";
import { probabilities } from "../../src/probability.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { probability } from "../../tools/reference/probability.js";
import { buildFixture, FIXTURE_CLASSES } from "../fixtures/fixture.js";
import { Random } from "../fixtures/random.js";
import { VARIANTS } from "../variants.js";

const image = {
  data: Uint8Array.from(new Random(1).int8(90 * 70 * 3), (value) => value + 128),
  width: 90,
  height: 70,
};

describe("probabilities", () => {
  it.each([
    [1, 1, 2, 1, 1],
    [1, 1, 2, 7, 9],
    [3, 5, 7, 31, 20],
    [8, 8, 32, 8, 8],
    [16, 12, 32, 64, 48],
    [9, 11, 256, 5, 90],
  ])(
    "of %i x %i logits, %i classes, at %i x %i are those of the reference",
    (height, width, classes, rows, columns) => {
      const data = new Random(classes).int8(height * width * classes);
      for (const scale of [0.01, Math.fround(0.13), 3]) {
        for (const which of ["max", 0, classes - 1] as const) {
          const logits = { data, height, width, classes, scale };
          expect(probabilities(logits, which, columns, rows)).toEqual(
            probability(data, logits, classes, scale, which, { height: rows, width: columns }),
          );
        }
      }
    },
  );

  it("are at most 2 of 255 from the softmax in floats", () => {
    const [height, width, rows, columns] = [12, 17, 50, 90];
    for (const [classes, scale] of [
      [5, 0.1],
      [32, 0.17],
      [256, 0.02],
      [256, 1.5],
    ] as const) {
      const data = new Random(classes).int8(height * width * classes, -60, 60);
      const exact = Array.from({ length: height * width }, (_, pixel) => {
        const real = [...data.subarray(pixel * classes, (pixel + 1) * classes)].map((q) =>
          Math.exp(scale * q),
        );
        return real[1]! / real.reduce((total, value) => total + value);
      });
      const at = (row: number, column: number) => exact[row * width + column]!;
      const axis = (i: number, to: number, from: number) => {
        const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
        const first = Math.floor(place);
        return { first, second: Math.min(first + 1, from - 1), part: place - first };
      };
      const given = probabilities({ data, height, width, classes, scale }, 1, columns, rows);
      given.forEach((value, index) => {
        const down = axis(Math.floor(index / columns), rows, height);
        const across = axis(index % columns, columns, width);
        const blend = (row: number) =>
          at(row, across.first) * (1 - across.part) + at(row, across.second) * across.part;
        const real = blend(down.first) * (1 - down.part) + blend(down.second) * down.part;
        expect(Math.abs(value - 255 * real)).toBeLessThanOrEqual(2);
      });
    }
  });
});

describe.each(VARIANTS)("a segmenter of the %s build", (variant) => {
  it("gives them at the size of the mask, and marks what it does not know", async () => {
    const segmenter = await Segmenter.load(writeModel(buildFixture()), { variant });
    const size = { width: 70, height: 33 };
    const plain = segmenter.segment(image, { ...size, logits: true });
    expect(plain.probabilities).toBeUndefined();
    const { data, scale, classes, ...at } = plain.logits!;
    for (const which of ["max", 0, 4] as const) {
      const result = segmenter.segment(image, { ...size, probabilities: which });
      expect(result.mask).toEqual(plain.mask);
      expect(result.probabilities).toEqual(probability(data, at, classes, scale, which, size));
    }
    const confidence = probability(data, at, classes, scale, "max", size);
    const minConfidence = [...confidence].sort((a, b) => a - b)[confidence.length / 2]! / 255 + 0.001;
    const { mask } = segmenter.segment(image, { ...size, minConfidence });
    const expected = plain.mask.map((id, pixel) => (confidence[pixel]! < 255 * minConfidence ? 255 : id));
    expect(mask).toEqual(expected);
    expect(new Set(mask).has(255)).toBe(true);
  });

  it.each([
    [{ probabilities: FIXTURE_CLASSES }, '"probabilities" expected an integer from 0 to 4, got 5'],
    [{ probabilities: "all" }, '"probabilities" expected a number, got "all"'],
    [{ minConfidence: 1.1 }, '"minConfidence" expected 0 to 1, got 1.1'],
    [{ minConfidence: "x" }, '"minConfidence" expected 0 to 1, got x'],
  ])("refuses %o", async (options, message) => {
    const segmenter = await Segmenter.load(writeModel(buildFixture()), { variant });
    expect(() => segmenter.segment(image, options as never)).toThrow(message);
  });
});
