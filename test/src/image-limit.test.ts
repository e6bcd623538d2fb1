import { describe, expect, test } from "vitest";
import { Segmenter } from "../../src/index.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { buildFixture } from "../fixtures/fixture.js";
import { Random } from "../fixtures/random.js";

const FILE = writeModel(buildFixture(6));
const LIMIT = { maxImageWidth: 200, maxImageHeight: 120 };

describe("a limit of the size of images", () => {
  test.each([
    [200, 120, 3],
    [200, 1, 4],
    [1, 120, 1],
    [64, 48, 3],
    [17, 120, 3],
  ])(
    "gives the same mask of an image of %ix%i within it, in less memory",
    async (width, height, channels) => {
      const data = new Random(width + height).uint8(width * height * channels);
      using limited = await Segmenter.load(FILE, LIMIT);
      using open = await Segmenter.load(FILE);
      expect(limited.info.arenaBytes).toBeLessThan(open.info.arenaBytes);
      const image = { data, width, height };
      expect(limited.segment(image)).toEqual(open.segment(image));
      // the mask has no such limit
      const size = { width: 700, height: 300 };
      expect(limited.segment(image, size)).toEqual(open.segment(image, size));
    },
  );

  test.each([
    [201, 120],
    [200, 121],
  ])("refuses an image of %ix%i outside it, and says what to change", async (width, height) => {
    using segmenter = await Segmenter.load(FILE, LIMIT);
    const image = { data: new Uint8Array(width * height * 3), width, height };
    expect(() => segmenter.segment(image)).toThrow(
      new RangeError(
        `"image" expected at most 200x120 pixels (maxImageWidth and maxImageHeight of load), got ${width}x${height}`,
      ),
    );
  });

  test.each([0, 16385, 1.5, Number.NaN])("has to be 1 to 16384: %f", async (maxImageWidth) => {
    await expect(Segmenter.load(FILE, { maxImageWidth })).rejects.toThrow(
      /"maxImageWidth" expected an integer/,
    );
  });

  test("of several threads does the same", async () => {
    const image = { data: new Random(4).uint8(200 * 120 * 3), width: 200, height: 120 };
    using pool = await Segmenter.load(FILE, { ...LIMIT, threads: 2 });
    using single = await Segmenter.load(FILE);
    expect(pool.segment(image)).toEqual(single.segment(image));
  });
});
