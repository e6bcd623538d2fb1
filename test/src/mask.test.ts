import { describe, expect, it } from "vitest";
import { cutout, overlay } from "../../src/index.js";

const palette = [
  [0, 0, 0],
  [100, 200, 50],
  [9, 9, 9],
] as const;
const mask = Uint8Array.of(0, 1, 2, 1);

describe("some classes", () => {
  it("laid over, the image stays elsewhere", () => {
    const image = { data: Uint8Array.of(10, 20, 30, 40), width: 4, height: 1, channels: 1 };
    const levels = [...overlay(image, mask, palette, 0.5, [1])];
    expect(levels).toEqual([10, 10, 10, 60, 110, 35, 30, 30, 30, 70, 120, 45]);
  });

  it.each([1, 3, 4])("cut out of an image of %i channels, the rest transparent", (channels) => {
    const data = Uint8Array.from({ length: 4 * channels }, (_, at) => at + 1);
    const pixels = [...cutout({ data, width: 2, height: 2, channels }, mask, [0, 2])];
    const rgb = (at: number) =>
      [0, 1, 2].map((channel) => data[at * channels + (channels === 1 ? 0 : channel)]);
    expect(pixels).toEqual([...rgb(0), 255, 0, 0, 0, 0, ...rgb(2), 255, 0, 0, 0, 0]);
  });

  it("refuse what is none", () => {
    const image = { data: new Uint8Array(4), width: 4, height: 1 };
    expect(() => cutout(image, mask, 1 as never)).toThrow('"classes" expected class ids, got Number');
    expect(() => cutout(image, mask.subarray(1), [1])).toThrow('"mask" expected 4 pixels, got 3');
  });
});
