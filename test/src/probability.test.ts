/** Probabilities as callers get them. */
import { describe, expect, it } from "vitest";
import { Segmenter } from "../../src/index.js";
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
