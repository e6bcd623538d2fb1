import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Segmenter } from "../../../src/index.js";
import { parseModel } from "../../../src/model.js";
import { bundleC, planBundle } from "../../../tools/bundle/index.js";
import { Random } from "../../fixtures/random.js";
import { FIXTURE, missingPrograms, suiteName } from "../embed.js";
import { FLAGS, PROGRAMS, runOnCortex } from "./cortex.js";

const MICRO = "models/attendseg-camvid-micro.aseg";
const missing = missingPrograms(...PROGRAMS);
/** The board that the smallest model is for. */
const QUARTER = { flash: 512 * 1024, ram: 256 * 1024 };

/** A model at one size on the board, and the library's mask of the same image. */
async function run(
  file: Uint8Array,
  width: number,
  height: number,
  flags: readonly string[],
  board = QUARTER,
) {
  const files = await bundleC(file, planBundle(parseModel(file), height, width));
  const image = new Random(3).uint8(3 * width * height);
  using segmenter = await Segmenter.load(file, { width, height });
  const { mask } = segmenter.segment({ data: image, width, height });
  return { ...runOnCortex(files, image, flags, board), expected: mask };
}

describe.skipIf(missing)(suiteName("a model in C on a Cortex-M7 in qemu", missing), () => {
  test.each([
    ["with checks, constants in flash", FLAGS.checks],
    ["without checks, constants in RAM", FLAGS.fast],
  ])("the fixture, %s: the library's mask", { timeout: 120_000 }, async (_, flags) => {
    const { mask, expected, selftest } = await run(FIXTURE, 64, 48, flags);
    expect(selftest).toBe(true);
    expect(Buffer.compare(mask, expected)).toBe(0);
  });

  test("the self-test notices that the compiler contracts, as it does unasked", {
    timeout: 60_000,
  }, async () => {
    expect((await run(FIXTURE, 64, 48, FLAGS.contracted)).selftest).toBe(false);
  });

  test.skipIf(!existsSync(MICRO)).each([
    ["constants in flash", FLAGS.checks],
    ["constants in RAM", FLAGS.fast],
  ])(
    "the micro model at 128x128 in 256 KiB of RAM and 512 KiB of flash, %s",
    { timeout: 120_000 },
    async (name, flags) => {
      const { mask, expected, selftest, ...figures } = await run(readFileSync(MICRO), 128, 128, flags);
      expect(selftest).toBe(true);
      expect(Buffer.compare(mask, expected)).toBe(0);
      const { instructions, flash, bss, stack } = figures;
      console.log(`${name}: ${instructions} instructions, .bss ${bss} B, stack ${stack} B, flash ${flash} B`);
      expect(bss + stack).toBeLessThanOrEqual(QUARTER.ram);
      expect(stack).toBeLessThan(2048);
    },
  );
});
