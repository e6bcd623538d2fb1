import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BUNDLE_VARIANTS } from "../../tools/bundle/index.js";
import {
  EMBED,
  embed,
  encode,
  expectMask,
  FIXTURE,
  MODELS,
  maskOf,
  missingModules,
  photo,
  python,
  suiteName,
} from "./embed.js";

const missing = missingModules("wasmtime", "PIL");
const EXAMPLE = join(EMBED, "segment.py");

const cases = MODELS.flatMap(([name, file]) =>
  BUNDLE_VARIANTS.map((variant) => [name, variant, file] as const),
);

describe.skipIf(missing)(suiteName("segment.py in wasmtime", missing), () => {
  test.for(cases)(
    "%s, %s: the library's mask, within the memory of the plan",
    { timeout: 60_000 },
    async ([, variant, file], { skip }) => {
      if (file.length === 0) skip();
      const { folder, module, planBytes, classes } = await embed(file, variant);
      const picture = photo(0);
      const path = join(folder, "photo.png");
      const mask = join(folder, "mask.png");
      writeFileSync(path, encode(picture));
      const outcome = python([EXAMPLE, module, path, mask, "--memory", String(planBytes)]);
      expect([outcome.status, outcome.stderr]).toEqual([0, ""]);
      expectMask(mask, await maskOf(file, picture));
      const [first] = outcome.stdout.split("\n");
      expect(classes).toContain(first!.slice(9));

      const less = python([
        EXAMPLE,
        module,
        path,
        join(folder, "less.png"),
        "--memory",
        String(planBytes - 1),
      ]);
      expect([less.status, less.stdout]).toEqual([1, ""]);
      expect(less.stderr).toMatch(/memory.*limit[^\n]*\n$/);
      const tired = python([EXAMPLE, module, path, join(folder, "tired.png"), "--fuel", "50000"]);
      expect([tired.status, tired.stdout]).toEqual([1, ""]);
      expect(tired.stderr).toBe("out of fuel after 50000 instructions\n");
      expect([existsSync(join(folder, "less.png")), existsSync(join(folder, "tired.png"))]).toEqual([
        false,
        false,
      ]);
    },
  );

  test("a segmenter that ran out of fuel works again, and so does the self-test", async () => {
    const { folder, width, height } = await embed(FIXTURE, "simd");
    const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * 7919) >> 5);
    writeFileSync(join(folder, "rgb"), data);
    const code = `
import sys, wasmtime, segment
folder = sys.argv[1]
segmenter = segment.Segmenter(open(folder + "/segment.wasm", "rb").read())
rgb = open(folder + "/rgb", "rb").read()
for fuel in (1000, 100000):
    try:
        segmenter.segment(rgb, fuel)
        sys.exit("enough fuel")
    except wasmtime.Trap as trap:
        assert trap.trap_code == wasmtime.TrapCode.OUT_OF_FUEL
    open(folder + "/mask", "wb").write(segmenter.segment(rgb))
print(segmenter.call("selftest"))
`;
    const outcome = python(["-c", code, folder], { PYTHONPATH: EMBED });
    expect([outcome.status, outcome.stderr, outcome.stdout]).toEqual([0, "", "1\n"]);
    const mask = await maskOf(FIXTURE, { data, width, height });
    expect(Buffer.compare(readFileSync(join(folder, "mask")), Buffer.from(mask))).toBe(0);
  });

  test("names what is wrong in one line", async () => {
    const { folder, module } = await embed(FIXTURE, "scalar");
    const photoless = python([EXAMPLE, module, join(folder, "none.png"), join(folder, "mask.png")]);
    expect([photoless.status, photoless.stderr]).toEqual([
      1,
      expect.stringMatching(/^[^\n]*none\.png[^\n]*\n$/),
    ]);
    const text = python([EXAMPLE, EXAMPLE, EXAMPLE, join(folder, "mask.png")]);
    expect([text.status, text.stderr.includes("Traceback")]).toEqual([1, false]);
  });
});
