import { createHash } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { Segmenter } from "../../../src/index.js";
import { netScore } from "../../../tools/inspect/index.js";
import { expectFailure, FIXTURE, Workplace } from "../command.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();

describe("attendseg inspect", () => {
  test("foretells what the engine holds", async () => {
    for (const [width, height] of [
      [64, 48],
      [512, 512],
    ]) {
      const { code, text } = place.run(["inspect", place.model, "--size", `${width}x${height}`, "--json"]);
      expect(code).toBe(0);
      const { info } = await Segmenter.load(FIXTURE, { width: width!, height: height! });
      const { variant, dotProduct, threads, ...facts } = info;
      expect(JSON.parse(text)).toMatchObject(JSON.parse(JSON.stringify(facts)));
    }
  });

  test("shows operations, totals and the arena over time", async () => {
    const { code, text, err } = place.run(["inspect", place.model]);
    expect([code, err]).toEqual([0, ""]);
    const { info } = await Segmenter.load(FIXTURE);
    const count = (value: number) => value.toLocaleString("en-US");
    expect(text).toContain(`MACs           ${count(info.macs)}\n`);
    expect(text).toContain(`parameters     ${count(info.parameters)}\n`);
    expect(text).toContain(`linear memory  ${count(info.memoryBytes)} B`);
    for (const [index, op] of info.ops.entries()) {
      expect(text).toMatch(
        new RegExp(`^ *${index}  ${op.name} +${op.height}x${op.width}x${op.channels} `, "m"),
      );
      expect(text).toMatch(new RegExp(`^ *${index}  ${op.name} +[·░▒█s]{64}$`, "m"));
    }
    expect(place.run(["inspect", "-"], FIXTURE).text).toBe(text);
  });

  test("prints the NetScore of an accuracy that is given, or in the metadata of this file at this size", () => {
    const text = (words: readonly string[]) => place.run(["inspect", ...words]).text;
    expect(text([place.model])).not.toContain("NetScore");
    const given = JSON.parse(text([place.model, "--accuracy", "90.1", "--json"]));
    const { parameters, macs, weightBytes, fileBytes } = given;
    expect([weightBytes < parameters, fileBytes]).toEqual([true, FIXTURE.length]);
    const score = (percent: number) =>
      40 * Math.log10(percent) - 10 * Math.log10(parameters / 1e6) - 10 * Math.log10(macs / 1e9);
    expect(given.netScore).toBeCloseTo(score(90.1), 9);
    expect(given.pixelAccuracy).toBeCloseTo(0.901, 12);
    expectFailure(place.run(["inspect", place.model, "--accuracy", "0.9"]), 2, "a number from 1 to 100");

    const sha256 = createHash("sha256").update(FIXTURE).digest("hex");
    const model = place.write("metadata/tiny.aseg", FIXTURE);
    const metadata = (content: unknown) => place.write("metadata/tiny.json", JSON.stringify(content));
    const evaluation = { input: "64x48", int8: { pixelAccuracy: 0.5 } };
    metadata({ sha256, evaluation });
    expect(text([model])).toContain(`NetScore       ${score(50).toFixed(2)} (accuracy 50.00 %)\n`);
    expect(text([model, "--accuracy", "90.1"])).toContain(`NetScore       ${score(90.1).toFixed(2)} `);
    expect(text([model, "--size", "128x96"])).not.toContain("NetScore");
    for (const other of [null, 7, {}, { sha256 }, { sha256: "0", evaluation }]) {
      metadata(other);
      const outcome = place.run(["inspect", model]);
      expect(outcome).toMatchObject({ code: 0, err: "" });
      expect(outcome.text).not.toContain("NetScore");
    }
    place.write("metadata/tiny.json", "no JSON");
    expect(text([model])).not.toContain("NetScore");
  });
});

test.each([
  ["AttendSeg", 89.89, 1.19, 7.45, 68.67],
  ["EdgeSegNet", 89.15, 7.09, 77.89, 50.58],
  ["RefineNet-101", 90, 85.69, 202.47, 35.78],
])("the published NetScore of %s comes out", (_, accuracy, parameters, macs, score) => {
  expect(netScore(accuracy / 100, parameters * 1e6, macs * 1e9)).toBeCloseTo(score, 2);
});
