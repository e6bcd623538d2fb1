import { describe, expect, test, vi } from "vitest";
import { Segmenter } from "../../src/index.js";
import { FIXTURE, Workplace } from "./command.js";

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
      const { variant, threads, ...facts } = info;
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
});
