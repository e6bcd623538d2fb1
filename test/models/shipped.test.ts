import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { CheckedImage } from "../../src/image.js";
import { modelInfo } from "../../src/info.js";
import { parseModel } from "../../src/model.js";
import { plan } from "../../src/plan.js";
import { readImage } from "../../tools/image/index.js";
import { referenceInput, referenceMask, runReference } from "../../tools/reference/run.js";
import { drawStreet } from "../../tools/sample/index.js";
import { firstDifference } from "../assembly/check.js";
import { repair, survives } from "../fixtures/hostile.js";
import { engineOf, openEngineOf, VARIANTS } from "../variants.js";

const bytes = new Uint8Array(readFileSync("models/attendseg-camvid.aseg"));
const model = parseModel(bytes);
const logits = model.ops.at(-1)!.inputs[0]!;
const FRAMES = "../shared/camvid/701_StillsRaw_full";

/** Frames of the data set to look at, spread evenly, and bits to leave out: `ATTENDSEG_FRAMES=20 ATTENDSEG_BITS=1` for all. */
const frameCount = Number(process.env.ATTENDSEG_FRAMES ?? 2);
const bitStep = Number(process.env.ATTENDSEG_BITS ?? 61);

async function images(): Promise<CheckedImage[]> {
  const street = drawStreet();
  if (!existsSync(FRAMES)) return [street];
  const names = readdirSync(FRAMES).sort();
  const chosen = Array.from(
    { length: frameCount },
    (_, index) => names[Math.floor((index * names.length) / frameCount)]!,
  );
  return [street, ...(await Promise.all(chosen.map((name) => readImage(`${FRAMES}/${name}`))))];
}

describe("the shipped model", () => {
  if (!existsSync(FRAMES)) console.log(`no data set at ${FRAMES}: only the drawn street is looked at`);

  it("gives the masks of the reference on every build, and its tensors on the first two images", async () => {
    const { height, width } = model;
    const engines = VARIANTS.map((variant) => engineOf(variant, model, height, width));
    const open = VARIANTS.map((variant) => openEngineOf(variant, model, height, width));
    for (const [index, image] of (await images()).entries()) {
      const { data, channels } = image;
      const input = referenceInput(data, image.width, image.height, channels as 1 | 3 | 4, width, height);
      const tensors = runReference(model, input, height, width);
      const classes = model.tensors[logits]!.channels;
      const size = engines[0]!.plan.tensors[logits]!;
      const expected = referenceMask(tensors[logits]!, size, classes, image.height, image.width);
      for (const engine of engines) {
        engine.setImage(image);
        engine.run();
        const mask = new Uint8Array(image.width * image.height);
        engine.writeMask(image.width, image.height, mask);
        expect(firstDifference(mask, expected)).toBeUndefined();
      }
      for (const engine of index < 3 ? open : []) {
        engine.setImage(image);
        engine.run();
        for (const { output } of model.ops.slice(0, -1)) {
          expect(firstDifference(engine.tensor(output), tensors[output]!)).toBeUndefined();
        }
      }
    }
  }, 1_200_000);

  it.each([
    [256, 256],
    [512, 512],
    [640, 480],
    [960, 736],
  ])("runs at %i x %i in the memory that was planned", (width, height) => {
    const engine = engineOf("simd", model, height, width);
    const street = drawStreet();
    engine.setImage(street);
    engine.run();
    const mask = new Uint8Array(street.width * street.height);
    engine.writeMask(street.width, street.height, mask);
    expect(new Set(mask).size).toBeGreaterThan(2);
    expect(engine.tensor(logits).buffer.byteLength).toBe(plan(model, height, width).memoryBytes);
  });

  it("takes at most 8 MB of memory at 512x512, 1.2e9 MACs and 1.19 M parameters", () => {
    const { memoryBytes, macs, parameters } = modelInfo(model, plan(model, 512, 512));
    expect(memoryBytes).toBeLessThanOrEqual(8e6);
    expect(macs).toBeLessThanOrEqual(1.2e9);
    expect(parameters).toBeLessThanOrEqual(1.19e6);
  });

  it("survives flipped bits in its first 4 kB, as they are and with the checksum repaired", () => {
    for (let bit = 0; bit < 4096 * 8; bit += bitStep) {
      const copy = bytes.slice();
      copy[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => parseModel(copy), `bit ${bit}`).toThrow(expect.objectContaining({ name: "ModelError" }));
      const start = performance.now();
      survives(repair(copy), "simd", 64);
      expect(performance.now() - start, `bit ${bit}, milliseconds`).toBeLessThan(2000);
    }
  }, 1_200_000);
});

const SHIPPED = ["attendseg-camvid", "attendseg-camvid-small", "attendseg-camvid-tiny", "attendseg-streets"];

describe.each(SHIPPED)("%s", (name) => {
  const bytes = new Uint8Array(readFileSync(`models/${name}.aseg`));
  const model = parseModel(bytes);

  it("is the file that its card describes", () => {
    const card = JSON.parse(readFileSync(`models/${name}.json`, "utf8"));
    const { parameters, macs, weightBytes, memoryBytes } = modelInfo(model, plan(model, 512, 512));
    expect(model.metadata.name).toBe(name);
    expect(card.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(card.cost).toEqual({
      input: "512x512",
      parameters,
      macs,
      weightBytes,
      fileBytes: bytes.length,
      memoryBytes,
    });
  });

  it.each(VARIANTS)("gives the mask of the reference on the drawn street: %s", (variant) => {
    const { data, width, height } = drawStreet();
    const side = 128;
    const tensors = runReference(model, referenceInput(data, width, height, 3, side, side), side, side);
    const id = model.ops.at(-1)!.inputs[0]!;
    const expected = referenceMask(tensors[id]!, { height: 32, width: 32 }, 32, height, width);
    const engine = engineOf(variant, model, side, side);
    engine.setImage({ data, width, height, channels: 3 });
    engine.run();
    const mask = new Uint8Array(width * height);
    engine.writeMask(width, height, mask);
    expect(firstDifference(mask, expected)).toBeUndefined();
  });
});
