import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { expectFailure, STREET, Workplace } from "../command.js";
import { buildPng } from "../image/pictures.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();
const photo = place.write("street.png", buildPng(STREET));

describe("npm start", () => {
  test("draws a street, segments it and says what is in it", () => {
    const { code, text, err } = place.start("start.js", []);
    expect([code, err]).toEqual([0, ""]);
    expect(readdirSync(join(place.folder, "out")).sort()).toEqual([
      "street.mask.png",
      "street.overlay.png",
      "street.png",
    ]);
    expect(text).toMatch(/street\.png: 960x720, [\d.]+ ms\n/);
    expect(text).toMatch(/class \d +[\d.]+ %\n/);
  });

  test("segments the photos given", () => {
    const { code, text } = place.start("start.js", [photo]);
    expect(code).toBe(0);
    expect(text).toContain("street.png: 90x70");
    expectFailure(place.start("start.js", ["none.jpg"]), 1, "none.jpg: no such file or folder");
    expectFailure(place.start("start.js", ["--help"]), 2, "npm start [-- PHOTO...]");
  });
});
