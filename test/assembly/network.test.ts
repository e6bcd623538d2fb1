import { describe, expect, it } from "vitest";
import * as format from "../../src/format.js";
import { kindOf } from "../../src/ops.js";
import { referenceInput, referenceMask, referenceSizes, runReference } from "../../tools/reference/run.js";
import { ModelBuilder } from "../fixtures/builder.js";
import { buildFixture, FIXTURE_CLASSES } from "../fixtures/fixture.js";
import { Random } from "../fixtures/random.js";
import { engineOf, openEngineOf, VARIANTS } from "../variants.js";
import { firstDifference } from "./check.js";

const SIZES = [
  [8, 8],
  [16, 8],
  [8, 40],
  [48, 64],
  [72, 56],
] as const;

describe.each(VARIANTS)("%s: a whole network", (variant) => {
  describe.each([1, 2, 3])("of seed %i", (seed) => {
    const model = buildFixture(seed);
    const scoresId = model.ops.at(-1)!.inputs[0]!;

    it.each(SIZES)("%i rows, %i columns: every tensor and the mask", (height, width) => {
      const picture = { data: new Random(seed).uint8(50 * 70 * 3), width: 70, height: 50, channels: 3 };
      const input = referenceInput(picture.data, picture.width, picture.height, 3, width, height);
      const expected = runReference(model, input, height, width);

      const kept = openEngineOf(variant, model, height, width);
      kept.setImage(picture);
      kept.run();
      for (const op of model.ops) {
        const difference = firstDifference(kept.tensor(op.output), expected[op.output]!);
        expect(`${kindOf(op).name}: ${difference}`).toBe(`${kindOf(op).name}: undefined`);
      }

      const shared = engineOf(variant, model, height, width);
      const mask = new Uint8Array(picture.width * picture.height);
      const scoresSize = referenceSizes(model, height, width)[scoresId]!;
      const expectedMask = referenceMask(
        expected[scoresId]!,
        scoresSize,
        FIXTURE_CLASSES,
        picture.height,
        picture.width,
      );
      // twice: nothing of a frame may be left for the next
      for (let frame = 0; frame < 2; frame++) {
        shared.setImage(picture);
        shared.run();
        shared.writeMask(picture.width, picture.height, mask);
        expect(firstDifference(shared.tensor(scoresId), expected[scoresId]!)).toBeUndefined();
        expect(firstDifference(mask, expectedMask)).toBeUndefined();
      }
    });
  });

  it("gives the same after every operation is run on its own, and after a different picture", () => {
    const model = buildFixture(4);
    const random = new Random(4);
    const pictures = [0, 1].map(() => ({
      data: random.uint8(48 * 64 * 4),
      width: 64,
      height: 48,
      channels: 4,
    }));
    const masks = pictures.map((picture) => {
      const fresh = engineOf(variant, model, 48, 64);
      fresh.setImage(picture);
      model.ops.forEach((_, index) => {
        fresh.run(index, index + 1);
      });
      const mask = new Uint8Array(48 * 64);
      fresh.writeMask(64, 48, mask);
      return mask;
    });
    const engine = engineOf(variant, model, 48, 64);
    for (const at of [0, 1, 0]) {
      engine.setImage(pictures[at]!);
      engine.run();
      const mask = new Uint8Array(48 * 64);
      engine.writeMask(64, 48, mask);
      expect(firstDifference(mask, masks[at]!)).toBeUndefined();
    }
  });
});

describe.each(VARIANTS)("%s: a tensor that is both inputs of an operation", (variant) => {
  it.each([
    ["add", format.ADD, {}],
    ["multiply", format.MULTIPLY, {}],
    ["concat", format.CONCAT, {}],
    [
      "gate",
      format.GATE,
      {
        table: new Int16Array(256).map((_, at) => at * 9),
        scales: Float32Array.of(0.001),
        attributes: { numerator: 1 },
      },
    ],
    ["resize", format.RESIZE, { attributes: { mode: format.BILINEAR } }],
  ] as const)("%s", (_, code, parts) => {
    const builder = new ModelBuilder();
    const tensor = { channels: 3, scale: 0.02, zero: -3, min: -128, max: 127 };
    const table = new Int8Array(256).map((_, at) => 127 - at);
    const first = builder.add(format.LOOKUP, [0], tensor, { table });
    const output = builder.add(
      code,
      [first, first],
      { ...tensor, channels: code === format.CONCAT ? 6 : 3 },
      parts,
    );
    const model = builder.finish(output, { stride: 1, width: 9, height: 5 });
    const picture = { data: new Random(1).uint8(9 * 5 * 3), width: 9, height: 5, channels: 3 };
    const engine = engineOf(variant, model, 5, 9);
    engine.setImage(picture);
    engine.run();
    const input = referenceInput(picture.data, 9, 5, 3, 9, 5);
    expect(firstDifference(engine.tensor(output), runReference(model, input, 5, 9)[output]!)).toBeUndefined();
  });
});

describe("the fixture network", () => {
  const model = buildFixture(1);

  it("has every operation, and every class wins somewhere", () => {
    const names = new Set(model.ops.map((op) => kindOf(op).name));
    expect(names.size).toBe(15);
    const input = referenceInput(new Random(9).uint8(48 * 64 * 3), 64, 48, 3, 64, 48);
    const winners = runReference(model, input, 48, 64).at(-1)!;
    expect(new Set(winners)).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  it("comes from its seed alone", () => {
    expect(buildFixture(1)).toEqual(model);
    expect(buildFixture(2)).not.toEqual(model);
  });
});
