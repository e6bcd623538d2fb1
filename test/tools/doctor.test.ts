import { expect, test, vi } from "vitest";
import { Workplace } from "./command.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();

test("attendseg doctor tells what works and what is missing", () => {
  const { code, text, err } = place.run(["doctor"]);
  expect([code, err]).toEqual([0, ""]);
  expect(text).toMatch(/^build simd +passes its self-test$/m);
  expect(text).toMatch(/^street of 960x720 +[\d.]+ ms \(\w+, dot product [\w-]+\)$/m);
  expect(text).toMatch(/^sharp +not installed: npm install sharp \(AVIF/m);
  const json = JSON.parse(place.run(["doctor", "--json"]).text);
  expect(json).toMatchObject({ node: process.version, builds: [{}, { name: "simd" }, { name: "scalar" }] });
});

test("attendseg doctor fails where the model is damaged", () => {
  place.write("package/models/attendseg-streets.aseg", "ASEG");
  const { code, text } = place.run(["doctor"]);
  expect(code).toBe(1);
  expect(text).toMatch(/street of 960x720 +fails: the file ends in the header/);
});
