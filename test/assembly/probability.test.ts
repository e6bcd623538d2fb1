import { describe, expect, it } from "vitest";
import type { Size } from "../../src/ops.js";
import { probability } from "../../tools/reference/probability.js";
import { Random } from "../fixtures/random.js";
import { engineOf, VARIANTS, type Variant } from "../variants.js";
import { firstDifference } from "./check.js";
import { LOGITS, logitsModel } from "./logits.js";

interface Form extends Size {
  readonly classes: number;
  readonly scale: number;
}

/** Probabilities that the engine makes of some logits. */
function draw(
  variant: Variant,
  data: Int8Array,
  { classes, scale, ...size }: Form,
  which: number | "max",
  mask: Size,
): Uint8Array {
  const engine = engineOf(variant, logitsModel(size, classes, scale), size.height, size.width);
  engine.tensor(LOGITS).set(data);
  const result = new Uint8Array(mask.height * mask.width).fill(77);
  engine.writeProbabilities(which, mask.width, mask.height, result);
  return result;
}

describe.each(VARIANTS)("%s: probabilities", (variant) => {
  it.each([
    [1, 1, 2, 1, 1],
    [1, 1, 2, 7, 9],
    [3, 5, 7, 31, 20],
    [8, 8, 32, 8, 8],
    [16, 12, 32, 64, 48],
    [9, 11, 256, 5, 90],
    [6, 4, 3, 700, 200],
  ])(
    "of %i x %i logits, %i classes, at %i x %i are those of the reference",
    (height, width, classes, rows, columns) => {
      const data = new Random(classes).int8(height * width * classes);
      const mask = { height: rows, width: columns };
      for (const scale of [0.01, 0.13, 3].map(Math.fround)) {
        for (const which of ["max", 0, classes - 1] as const) {
          const form = { height, width, classes, scale };
          const expected = probability(data, form, classes, scale, which, mask);
          expect(firstDifference(draw(variant, data, form, which, mask), expected)).toBeUndefined();
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
      const given = draw(variant, data, { height, width, classes, scale }, 1, {
        height: rows,
        width: columns,
      });
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
