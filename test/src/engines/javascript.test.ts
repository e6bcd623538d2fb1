import { describe, expect, it } from "vitest";
import { Engine } from "../../../src/engine.js";
import { openEngine } from "../../../src/engines/javascript.js";
import { plan } from "../../../src/plan.js";
import { referenceInput, referenceMask, referenceSizes, runReference } from "../../../tools/reference/run.js";
import { firstDifference } from "../../assembly/check.js";
import { buildFixture, FIXTURE_CLASSES } from "../../fixtures/fixture.js";
import { Random } from "../../fixtures/random.js";

const image = (seed: number) => {
  return { data: new Random(seed).uint8(50 * 70 * 3), width: 70, height: 50, channels: 3 };
};

/** The mask of the reference for an image of 70x50. */
function expectedMask(seed: number, height: number, width: number): Uint8Array {
  const model = buildFixture(seed, seed % 2 === 0);
  const input = referenceInput(image(seed).data, 70, 50, 3, width, height);
  const logits = model.ops.at(-1)!.inputs[0]!;
  const size = referenceSizes(model, height, width)[logits]!;
  return referenceMask(runReference(model, input, height, width)[logits]!, size, FIXTURE_CLASSES, 50, 70);
}

function maskOf(engine: Engine, seed: number): Uint8Array {
  const mask = new Uint8Array(50 * 70);
  engine.setImage(image(seed));
  engine.run();
  engine.writeMask(70, 50, mask);
  return mask;
}

describe("the engine in JavaScript", () => {
  it.each([
    [1, 8, 8],
    [2, 8, 40],
    [3, 48, 64],
    [4, 72, 56],
  ])("gives the mask of the reference: seed %i, %i rows, %i columns", async (seed, height, width) => {
    const model = buildFixture(seed, seed % 2 === 0);
    const engine = new Engine(model, plan(model, height, width), await openEngine());
    expect(firstDifference(maskOf(engine, seed), expectedMask(seed, height, width))).toBeUndefined();
  });

  it("keeps engines apart that are used in turn", async () => {
    const engines: Engine[] = [];
    for (const seed of [5, 6]) {
      const model = buildFixture(seed, seed % 2 === 0);
      engines.push(new Engine(model, plan(model, 48, 64), await openEngine()));
    }
    for (const seed of [5, 6, 5]) {
      expect(firstDifference(maskOf(engines[seed - 5]!, seed), expectedMask(seed, 48, 64))).toBeUndefined();
    }
  });

  it("has one build and says so", async () => {
    await expect(openEngine()).resolves.toMatchObject({ variant: "javascript" });
    await expect(openEngine("simd")).rejects.toThrow('"variant" expected javascript, got "simd"');
  });
});
