import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as format from "../../src/format.js";
import type { Size } from "../../src/ops.js";
import { referenceInput } from "../../tools/reference/run.js";
import { ModelBuilder } from "../fixtures/builder.js";
import { Random } from "../fixtures/random.js";
import { engineOf, VARIANTS, type Variant } from "../variants.js";
import { firstDifference } from "./check.js";

type Channels = 1 | 3 | 4;

function findFault(variant: Variant, from: Size, channels: Channels, to: Size, seed = 1): string | undefined {
  const model = new ModelBuilder().finish(0, { stride: 1, ...to });
  const engine = engineOf(variant, model, to.height, to.width);
  const data = new Random(seed).uint8(from.height * from.width * channels);
  engine.setImage({ data, ...from, channels });
  const expected = referenceInput(data, from.width, from.height, channels, to.width, to.height);
  return firstDifference(engine.tensor(0), expected);
}

describe.each(VARIANTS)("%s: the input of the reference", (variant) => {
  const sides = [1, 2, 15, 16, 17, 40];
  const pairs = sides.flatMap((from) => sides.map((to) => [from, to] as const));

  it.each([1, 3, 4] as const)("%i channels, every pair of sides", (channels) => {
    for (const [from, to] of pairs) {
      for (const [height, width] of [
        [from, 9],
        [9, from],
        [from, from],
      ] as const) {
        const target = { height: height === from ? to : 9, width: width === from ? to : 13 };
        const fault = findFault(variant, { height, width }, channels, target);
        expect([height, width, target, fault]).toEqual([height, width, target, undefined]);
      }
    }
  });

  it("any image at any size", () => {
    const side = fc.integer({ min: 1, max: 50 });
    const given = fc.tuple(side, side, side, side, fc.constantFrom<Channels>(1, 3, 4), fc.nat());
    const property = fc.property(given, ([height, width, toHeight, toWidth, channels, seed]) => {
      const to = { height: toHeight, width: toWidth };
      expect(findFault(variant, { height, width }, channels, to, seed)).toBeUndefined();
    });
    fc.assert(property, { numRuns: 300, seed: 2026 });
  });

  it.each([
    ["very wide", { height: 2, width: format.MAX_IMAGE_SIDE }, { height: 8, width: 16 }],
    ["very high", { height: format.MAX_IMAGE_SIDE, width: 2 }, { height: 8, width: 16 }],
    ["to one pixel", { height: 300, width: 400 }, { height: 1, width: 1 }],
    ["one pixel", { height: 1, width: 1 }, { height: 64, width: 48 }],
    ["one column", { height: 5000, width: 1 }, { height: 40, width: 24 }],
    ["a frame", { height: 360, width: 480 }, { height: 256, width: 256 }],
  ])("%s", (_, from, to) => {
    for (const channels of [1, 3, 4] as const) expect(findFault(variant, from, channels, to)).toBeUndefined();
  });
});
