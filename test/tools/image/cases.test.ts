import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeImage } from "../../../tools/image/index.js";

const CASES = "../shared/cases/pictures";

/** The drawn street, as it is or as the file has it; means of the three channels tell them apart. */
async function means(name: string, options = {}) {
  const image = await decodeImage(readFileSync(`${CASES}/${name}`), name, options);
  const { data, channels, width, height, warnings = [] } = image;
  const sums = [0, 0, 0];
  for (let at = 0; at < data.length; at += channels) for (let c = 0; c < 3; c++) sums[c]! += data[at + c]!;
  return { levels: sums.map((sum) => Math.round(sum / (width * height))), width, height, warnings };
}

describe.skipIf(!existsSync(CASES))("pictures of ../shared/cases", () => {
  const upright = { width: 320, height: 240 };

  test.each(["p_extradata.png", "p_noiend.png"])("%s is read with a warning", async (name) => {
    const street = await means("p_exif6.png");
    const found = await means(name);
    expect(found).toMatchObject({ ...upright, levels: street.levels });
    expect(found.warnings).toEqual([expect.stringMatching(/more pixels than it promises|no end mark/)]);
    await expect(means(name, { strict: true })).rejects.toThrow(/--strict/);
  });

  test.each(["p_exif6.png", "o_6longbe.jpg"])("%s is turned upright", async (name) => {
    expect(await means(name)).toMatchObject({ width: 240, height: 320, warnings: [] });
  });

  test.each([
    ["j_extran.jpg", [/extraneous bytes before marker/]],
    ["j_corrupt40.jpg", [/^Corrupt JPEG data/]],
    ["j_samp1x2.jpg", []],
    ["j_arith.jpg", []],
    ["j_cmyk.jpg", []],
  ])("%s is read", async (name, warnings) => {
    const found = await means(name);
    expect(found).toMatchObject(upright);
    expect(found.warnings).toEqual(warnings.map((pattern) => expect.stringMatching(pattern)));
    const street = await means("p_exif6.png");
    const far = found.levels.map((level, c) => Math.abs(level - street.levels[c]!));
    if (name !== "j_corrupt40.jpg") expect(Math.max(...far)).toBeLessThan(4);
  });

  test("p_pal_short.png: what is beyond the palette is black", async () => {
    const { data, width, warnings } = await decodeImage(readFileSync(`${CASES}/p_pal_short.png`), "p");
    expect(width).toBe(4);
    expect(warnings).toEqual(["the PNG file has pixels of colours that its palette lacks"]);
    expect([...data.subarray(6)]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("p_cgbi.png and p_bomb16384_1bit.png are refused by name", async () => {
    await expect(means("p_cgbi.png")).rejects.toThrow(/CgBI/);
    await expect(means("p_bomb16384_1bit.png")).rejects.toThrow(/more than 100 million pixels/);
    expect(await means("p_exif6.png", { maxPixels: 320 * 240 })).toMatchObject({ width: 240 });
    await expect(means("p_exif6.png", { maxPixels: 320 * 240 - 1 })).rejects.toThrow(/the limit/);
  });
});
