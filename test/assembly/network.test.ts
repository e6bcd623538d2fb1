import { describe, expect, it } from "vitest";
import * as format from "../../src/format.js";
import { kindOf } from "../../src/ops.js";
import { referenceInput, referenceMask, referenceSizes, runReference } from "../../tools/reference/run.js";
import { ModelBuilder } from "../fixtures/builder.js";
import { buildFixture, FIXTURE_CLASSES, squareWindow } from "../fixtures/fixture.js";
import { buildFused, FUSED_HEIGHT, FUSED_WIDTH } from "../fixtures/fused.js";
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
  describe.each([
    [1, false],
    [2, true],
    [3, true],
  ])("of seed %i, fine: %s", (seed, isFine) => {
    const model = buildFixture(seed, isFine);
    const logitsId = model.ops.at(-1)!.inputs[0]!;

    it.each(SIZES)("%i rows, %i columns: every tensor and the mask", (height, width) => {
      const image = { data: new Random(seed).uint8(50 * 70 * 3), width: 70, height: 50, channels: 3 };
      const input = referenceInput(image.data, image.width, image.height, 3, width, height);
      const expected = runReference(model, input, height, width);

      const kept = openEngineOf(variant, model, height, width);
      kept.setImage(image);
      kept.run();
      for (const op of model.ops) {
        const difference = firstDifference(kept.tensor(op.output), expected[op.output]!);
        expect(`${kindOf(op).name}: ${difference}`).toBe(`${kindOf(op).name}: undefined`);
      }

      const shared = engineOf(variant, model, height, width);
      const mask = new Uint8Array(image.width * image.height);
      const logitsSize = referenceSizes(model, height, width)[logitsId]!;
      const expectedMask = referenceMask(
        expected[logitsId]!,
        logitsSize,
        FIXTURE_CLASSES,
        image.height,
        image.width,
      );
      // twice: nothing of a frame may be left for the next
      for (let frame = 0; frame < 2; frame++) {
        shared.setImage(image);
        shared.run();
        shared.writeMask(image.width, image.height, mask);
        expect(firstDifference(shared.tensor(logitsId), expected[logitsId]!)).toBeUndefined();
        expect(firstDifference(mask, expectedMask)).toBeUndefined();
      }
    });
  });

  it("gives the same after every operation is run on its own, and after a different image", () => {
    const model = buildFixture(4, true);
    const random = new Random(4);
    const images = [0, 1].map(() => ({
      data: random.uint8(48 * 64 * 4),
      width: 64,
      height: 48,
      channels: 4,
    }));
    const masks = images.map((image) => {
      const fresh = engineOf(variant, model, 48, 64);
      fresh.setImage(image);
      model.ops.forEach((_, index) => {
        fresh.run(index, index + 1);
      });
      const mask = new Uint8Array(48 * 64);
      fresh.writeMask(64, 48, mask);
      return mask;
    });
    const engine = engineOf(variant, model, 48, 64);
    for (const at of [0, 1, 0]) {
      engine.setImage(images[at]!);
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
    const image = { data: new Random(1).uint8(9 * 5 * 3), width: 9, height: 5, channels: 3 };
    const engine = engineOf(variant, model, 5, 9);
    engine.setImage(image);
    engine.run();
    const input = referenceInput(image.data, 9, 5, 3, 9, 5);
    expect(firstDifference(engine.tensor(output), runReference(model, input, 5, 9)[output]!)).toBeUndefined();
  });
});

describe.each(VARIANTS)(
  "%s: pointwise convolutions fused with the depthwise ones that read them",
  (variant) => {
    const windows = [
      squareWindow(3),
      squareWindow(5),
      squareWindow(2),
      squareWindow(3, 2),
      squareWindow(5, 3),
      squareWindow(3, 1, 2),
      squareWindow(7, 1, 3),
      { ...squareWindow(3), padTop: 0, padBottom: 2 },
      { ...squareWindow(3), strideY: 3 },
    ];

    it.each([-128, 0])("values from %i on: any window, any split of rows", (min) => {
      for (const window of windows) {
        const model = buildFused(window, min);
        const engine = engineOf(variant, model, FUSED_HEIGHT, FUSED_WIDTH);
        expect(engine.plan.ops[1]!.executedBy).toBe(2);
        const input = new Random(3).int8(FUSED_HEIGHT * FUSED_WIDTH * 3);
        const expected = runReference(model, input, FUSED_HEIGHT, FUSED_WIDTH);
        for (const cut of [0, 1, 20, 33]) {
          engine.tensor(0).set(input);
          for (const [index, { output }] of model.ops.entries()) {
            if (index === 0 || engine.plan.ops[index]!.executedBy !== index) continue;
            const { height } = engine.plan.tensors[output]!;
            engine.runRows(index, Math.min(cut, height), height);
            engine.runRows(index, 0, Math.min(cut, height));
            expect([window, cut, firstDifference(engine.tensor(output), expected[output]!)]).toEqual([
              window,
              cut,
              undefined,
            ]);
          }
        }
      }
    });
  },
);

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
