import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { drawStreet } from "../../../tools/sample/index.js";

test("the street is the same on every machine, and looks like one by its colours", () => {
  const { data, ...size } = drawStreet();
  expect(size).toEqual({ width: 960, height: 720, channels: 3 });
  expect(crc32(data)).toBe(4245600679);
  const mean = (left: number, top: number, right: number, bottom: number) =>
    [0, 1, 2].map((c) => {
      let sum = 0;
      for (let y = top; y < bottom; y++)
        for (let x = left; x < right; x++) sum += data[3 * (y * 960 + x) + c]!;
      return Math.round(sum / ((right - left) * (bottom - top)));
    });
  const [skyRed, , skyBlue] = mean(400, 0, 560, 150);
  expect(skyBlue! - skyRed!).toBeGreaterThan(20);
  const road = mean(300, 560, 700, 700);
  expect(Math.max(...road) - Math.min(...road)).toBeLessThan(12);
  const [treeRed, treeGreen, treeBlue] = mean(800, 120, 900, 220);
  expect(treeGreen).toBeGreaterThan(treeBlue! + 20);
  expect(treeGreen).toBeGreaterThanOrEqual(treeRed!);
}, 60_000);
