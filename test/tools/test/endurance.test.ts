import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { Engine, instantiate } from "../../../src/engine.js";
import { engineBytes } from "../../../src/engines/inline.js";
import { plan } from "../../../src/plan.js";
import { buildFixture } from "../../fixtures/fixture.js";
import { Workplace } from "../command.js";

/** Growth of resident memory that is no leak: the caches of the JavaScript engine, in MB. */
const NOISE = 30;

test.each(["scalar", "simd"] as const)(
  "%s: linear memory is never grown or replaced after load",
  (variant) => {
    const model = buildFixture(2);
    const memory = plan(model, 48, 64);
    const exports = instantiate(new WebAssembly.Module(engineBytes(variant)));
    const engine = new Engine(model, memory, exports);
    const { buffer } = exports.memory;
    expect(buffer.byteLength).toBe(memory.memoryBytes);
    for (let side = 1; side <= 4000; side = 2 * side + 1) {
      const data = new Uint8Array(side * 37 * 4).fill(side);
      engine.setPicture({ data, width: side, height: 37, channels: 4 });
      engine.run();
      engine.writeMask(37, side, new Uint8Array(37 * side));
    }
    expect(exports.memory.buffer).toBe(buffer);
    expect(buffer.byteLength).toBe(memory.memoryBytes);
  },
);

test("200 pictures and 300 loads leave neither memory nor handles behind", () => {
  const { model } = new Workplace();
  const words = [
    "--expose-gc",
    "tools/test/endurance.js",
    "--model",
    model,
    "--segments",
    "200",
    "--loads",
    "300",
  ];
  const report = JSON.parse(execFileSync(process.execPath, [...words, "--json"], { encoding: "utf8" }));
  const { memoryBytes, segments, loads } = report;
  expect(200 * 960 * 720).toBeGreaterThan(4 * NOISE * 1e6);
  expect(300 * memoryBytes).toBeGreaterThan(2 * NOISE * 1e6);
  for (const { growth, handles } of [segments, loads]) {
    expect(growth).toBeLessThan(NOISE);
    expect(new Set(handles).size).toBe(1);
  }
}, 120_000);
