import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  drawImage,
  EMBED,
  embed,
  encode,
  expectMask,
  FIXTURE,
  maskOf,
  missingModules,
  python,
  suiteName,
} from "./embed.js";

const missing = missingModules("ray", "pandas", "pyarrow", "wasmtime", "PIL");
/** Lays an image on its side and says so in its EXIF data. */
const TURN = `
import sys
from PIL import Image
image = Image.open(sys.argv[1]).transpose(Image.Transpose.ROTATE_90)
exif = image.getexif()
exif[0x0112] = 6
image.save(sys.argv[2], exif=exif)
`;
const ENVIRONMENT = { RAY_USAGE_STATS_ENABLED: "0", RAY_AUTH_MODE: "disabled", RAY_ADDRESS: "" };

describe.skipIf(missing)(suiteName("ray_segment.py", missing), () => {
  test("segments a folder on several workers, names a broken image, and does not do twice what is done", async () => {
    const { folder, module } = await embed(FIXTURE, "simd");
    const images = join(folder, "photos");
    const masks = join(folder, "masks");
    mkdirSync(images);
    const names = Array.from({ length: 7 }, (_, index) => `photo${index}`);
    names.forEach((name, index) => {
      writeFileSync(join(images, `${name}.png`), encode(drawImage(index)));
    });
    const { status: turned } = python(["-c", TURN, join(images, "photo2.png"), join(images, "turned.png")]);
    expect(turned).toBe(0);
    names.push("turned");
    writeFileSync(join(images, "photo6.jpeg"), readFileSync(join(images, "photo6.png")));
    names.splice(6, 1, "photo6.jpeg", "photo6.png");
    const whole = readFileSync(join(images, "photo1.png"));
    writeFileSync(join(images, "broken.png"), whole.subarray(0, 4000));
    writeFileSync(join(images, "notes.txt"), "not a photo");

    const run = () => {
      const words = [join(EMBED, "ray_segment.py"), module, images, masks, "--workers", "2"];
      const { status, stdout, stderr } = python(words, ENVIRONMENT);
      expect(stdout.trimEnd().split("\n").at(-1)).toBe("9 masks, 1 failed");
      expect(stderr).toContain(`${join(images, "broken.png")}: image file is truncated`);
      expect(status).toBe(1);
      expect(readdirSync(masks).sort()).toEqual(names.map((name) => `${name}.mask.png`));
    };
    run();
    for (const [index, name] of names.entries()) {
      const image = drawImage(name === "turned" ? 2 : Math.min(index, 6));
      expectMask(join(masks, `${name}.mask.png`), await maskOf(FIXTURE, image));
    }
    const times = () => names.slice(1).map((name) => statSync(join(masks, `${name}.mask.png`)).mtimeMs);
    const before = times();
    writeFileSync(join(images, "photo0.png"), encode(drawImage(9)));
    run();
    expect(times()).toEqual(before);
    expectMask(join(masks, "photo0.mask.png"), await maskOf(FIXTURE, drawImage(9)));
  }, 300_000);
});
