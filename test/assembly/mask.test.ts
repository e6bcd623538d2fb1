import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as format from "../../src/format.js";
import type { Size, Values } from "../../src/ops.js";
import { referenceMask } from "../../tools/reference/run.js";
import { Random } from "../fixtures/random.js";
import { engineOf, VARIANTS, type Variant } from "../variants.js";
import { firstDifference } from "./check.js";
import { LOGITS, logitsModel } from "./logits.js";

function findFault(
  variant: Variant,
  logits: Values,
  size: Size,
  classes: number,
  mask: Size,
): string | undefined {
  const model = logitsModel(size, classes, logits instanceof Int16Array);
  const engine = engineOf(variant, model, size.height, size.width);
  engine.tensor(LOGITS).set(logits);
  engine.run(model.ops.length - 1);
  const actual = new Uint8Array(mask.height * mask.width).fill(255);
  engine.writeMask(mask.width, mask.height, actual);
  return firstDifference(actual, referenceMask(logits, size, classes, mask.height, mask.width));
}

/** Logits in which classes win whole regions, as a network gives them. */
function smoothLogits({ height, width }: Size, classes: number): Int8Array {
  return new Int8Array(height * width * classes).map((_, at) => {
    const c = at % classes;
    const x = Math.floor(at / classes) % width;
    const y = Math.floor(at / classes / width);
    return Math.round(90 * Math.sin((x + 1) / (c + 3) + c) * Math.cos((y + 2) / (classes - c + 2)));
  });
}

describe.each(VARIANTS)("%s: the mask of the reference", (variant) => {
  const sizes = [1, 2, 15, 16, 17].flatMap((height) => [1, 3, 16, 17].map((width) => ({ height, width })));
  const masks = [
    [1, 1],
    [1, 333],
    [250, 1],
    [16, 17],
    [32, 32],
    [64, 68],
    [67, 101],
    [90, 131],
  ].map(([height, width]) => ({ height: height!, width: width! }));

  it.each([2, 3, 7, 8, 9, 16, 17, 32, 256])(
    "%i classes: smooth, noisy and tied logits at any size",
    (classes) => {
      const random = new Random(classes);
      for (const size of sizes) {
        const count = size.height * size.width * classes;
        const mask = random.pick(masks);
        for (const logits of [
          smoothLogits(size, classes),
          random.int8(count),
          random.int8(count, 126, 127),
          Int16Array.from(smoothLogits(size, classes), (value) => 40 * value),
          random.int16(count),
          random.int16(count, 4094, 4095),
        ]) {
          expect([size, mask, findFault(variant, logits, size, classes, mask)]).toEqual([
            size,
            mask,
            undefined,
          ]);
        }
      }
    },
  );

  it("any logits at any size", () => {
    const side = fc.integer({ min: 1, max: 20 });
    const maskSide = fc.integer({ min: 1, max: 70 });
    const given = fc.tuple(
      side,
      side,
      maskSide,
      maskSide,
      fc.integer({ min: 2, max: 12 }),
      fc.nat(),
      fc.oneof(fc.nat(127), fc.nat(4095)),
    );
    const property = fc.property(given, ([height, width, maskHeight, maskWidth, classes, seed, range]) => {
      const count = height * width * classes;
      const random = new Random(seed);
      const logits =
        range > 127 ? random.int16(count, -range - 1, range) : random.int8(count, -range - 1, range);
      const mask = { height: maskHeight, width: maskWidth };
      expect(findFault(variant, logits, { height, width }, classes, mask)).toBeUndefined();
    });
    fc.assert(property, { numRuns: 300, seed: 2026 });
  });

  it("masks wider than they are high, and higher than wide, up to the longest side", () => {
    const size = { height: 4, width: 5 };
    const logits = smoothLogits(size, 6);
    for (const mask of [
      { height: 9, width: format.MAX_IMAGE_SIDE },
      { height: format.MAX_IMAGE_SIDE, width: 3 },
    ]) {
      expect(findFault(variant, logits, size, 6, mask)).toBeUndefined();
    }
  });
});

describe("the mask of the reference itself", () => {
  it("at the size of the logits is the largest of each pixel, the lowest class of equal ones", () => {
    const logits = Int8Array.of(1, 5, 5, -3, -3, -3, -128, 127, 0);
    expect([...referenceMask(logits, { height: 1, width: 3 }, 3, 1, 3)]).toEqual([1, 0, 1]);
  });

  it("turns where two lines cross", () => {
    // class 0 falls from 100 to 0, class 1 rises from 0 to 60: equal at 100 / 160 of the way between the pixels
    const logits = Int8Array.of(100, 0, 0, 60);
    const mask = [...referenceMask(logits, { height: 1, width: 2 }, 2, 1, 400)];
    // mask pixel i lies at (2 i + 1) / 400 - 1/2 of the way
    const turn = mask.indexOf(1);
    expect(mask.slice(turn).every((winner) => winner === 1)).toBe(true);
    expect((2 * turn - 1) / 400 - 0.5).toBeLessThanOrEqual(100 / 160);
    expect((2 * turn + 1) / 400 - 0.5).toBeGreaterThan(100 / 160 - 1 / 2048);
  });
});
