import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { expectFailure, STREET, segmentHere, Workplace } from "./command.js";
import { buildPng, type PngParts } from "./image/pictures.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();

describe("attendseg evaluate", () => {
  /** Labels made from the fixture's own masks, some pixels changed, so that the figures are known. */
  async function makeDataSet(): Promise<{ right: number; total: number }> {
    let right = 0;
    for (const [index, name] of ["one", "two", "three"].entries()) {
      const sample: PngParts["sample"] = (x, y, c) => (STREET.sample(x, y, c) + 60 * index) % 256;
      const rgb = Uint8Array.from({ length: 64 * 48 * 3 }, (_, at) => {
        return sample(Math.floor(at / 3) % 64, Math.floor(at / 192), at % 3);
      });
      const { mask, segmenter } = await segmentHere(rgb, 64, 48, 3);
      const label = (x: number, y: number) => (y < 5 ? 4 : mask[y * 64 + x]!);
      for (let at = 0; at < mask.length; at++) if (label(at % 64, Math.floor(at / 64)) === mask[at]) right++;
      const size = { width: 64, height: 48, depth: 8, type: 2 };
      place.write(`set/images/${name}.png`, buildPng({ ...size, sample }));
      // Twice the size: sampled at pixel centres, it is the same label again.
      const double: PngParts["sample"] = (x, y, c) => segmenter.palette[label(x >> 1, y >> 1)]![c]!;
      place.write(`set/labels/${name}_L.png`, buildPng({ ...size, width: 128, height: 96, sample: double }));
    }
    place.write("set/list.txt", "three\none.png\n");
    return { right, total: 3 * 64 * 48 };
  }
  const words = ["evaluate", place.model, "--images", "set/images", "--labels", "set/labels"];

  test("counts pixels by the model's own palette", async () => {
    const { right, total } = await makeDataSet();
    const { code, text, err } = place.run([...words, "--json"]);
    expect([code, err]).toEqual([0, ""]);
    const result = JSON.parse(text);
    expect(result).toMatchObject({ frames: 3, input: { width: 64, height: 48 }, variant: "simd" });
    expect(result.pixelAccuracy).toBeCloseTo(right / total, 12);
    expect(result.pixelAccuracyNoVoid).toBeCloseTo(right / total, 12);
    expect(result.msPerFrame).toBeGreaterThan(0);
    expect(result.perClass).toHaveLength(5);
    const listed = JSON.parse(place.run([...words, "--list", "set/list.txt", "--json"]).text);
    expect(listed.frames).toBe(2);
    expect(place.run(words).text).toContain(`pixel accuracy  ${((100 * right) / total).toFixed(2)} %`);
  });

  test("names a missing label, an unknown colour and an unknown class", async () => {
    await makeDataSet();
    place.write("set/images/four.png", buildPng(STREET));
    expectFailure(place.run(words), 1, "attendseg: set/labels/four_L.png: there is no such label for");
    place.write("set/labels/four_L.png", buildPng({ ...STREET, sample: () => 77 }));
    expectFailure(
      place.run(words),
      1,
      "set/labels/four_L.png: the colour 77,77,77 of pixel 0,0 belongs to no class",
    );
    place.write("set/classes.csv", "name,r,g,b\nclass 1,77,77,77\nUnicorn,1,2,3\n");
    expectFailure(place.run(words), 1, "set/classes.csv: the model has no class Unicorn");
    expectFailure(place.run([...words, "--classes", "none.csv"]), 1, "none.csv: no such file or folder");
    expectFailure(place.run([...words, "--list", "none.txt"]), 1, "none.txt: no such file or folder");
    const elsewhere = ["evaluate", place.model, "--images", "none", "--labels", "set/labels"];
    expectFailure(place.run(elsewhere), 1, "none: no such file or folder");
  });
});

const CAMVID = resolve("../shared/camvid");
const MODEL = resolve("models/attendseg-camvid.aseg");

test.skipIf(!existsSync(CAMVID) || !existsSync(MODEL))(`evaluate reads ${CAMVID} as it is`, () => {
  const list = place.write("three.txt", "0001TP_009420\n0006R0_f01140\n0016E5_00600\n");
  const folders = [
    "--images",
    join(CAMVID, "701_StillsRaw_full"),
    "--labels",
    join(CAMVID, "LabeledApproved_full"),
  ];
  const { code, text, err } = place.run(["evaluate", MODEL, ...folders, "--list", list, "--json"]);
  expect([code, err]).toEqual([0, ""]);
  const result = JSON.parse(text);
  expect(result).toMatchObject({ frames: 3, input: { width: 512, height: 512 } });
  expect(result.perClass).toHaveLength(32);
  expect(result.pixelAccuracy).toBeGreaterThan(0.7);
  expect(result.pixelAccuracyNoVoid).toBeGreaterThan(result.pixelAccuracy);
});
