import { describe, expect, it } from "vitest";
import type { Size, Values } from "../../src/ops.js";
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
  data: Values,
  { classes, scale, ...size }: Form,
  which: number | "max",
  mask: Size,
): Uint8Array {
  const engine = engineOf(
    variant,
    logitsModel(size, classes, data instanceof Int16Array, scale),
    size.height,
    size.width,
  );
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
      const count = height * width * classes;
      const mask = { height: rows, width: columns };
      for (const scale of [0.001, 0.01, 0.13, 3].map(Math.fround)) {
        for (const data of [new Random(classes).int8(count), new Random(classes).int16(count)]) {
          for (const which of ["max", 0, classes - 1] as const) {
            const form = { height, width, classes, scale };
            const expected = probability(data, form, classes, scale, which, mask);
            expect(firstDifference(draw(variant, data, form, which, mask), expected)).toBeUndefined();
          }
        }
      }
    },
  );

  it("are at most 2 of 255 from the softmax in floats", () => {
    const [height, width, rows, columns] = [12, 17, 50, 90];
    for (const [classes, scale, isWide] of [
      [5, 0.1, false],
      [32, 0.17, false],
      [256, 0.02, false],
      [256, 1.5, false],
      [5, 0.0005, true],
      [32, 0.005, true],
      [256, 0.04, true],
    ] as const) {
      const random = new Random(classes);
      const count = height * width * classes;
      const data = isWide ? random.int16(count) : random.int8(count, -60, 60);
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
