import { readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import { describe, expect, it } from "vitest";
import { VARIANTS } from "../variants.js";

/** Section ids of the WebAssembly binary format, 5.5.2. */
const TABLE_SECTION = 4;
const START_SECTION = 8;
const ELEMENT_SECTION = 9;
const DATA_SECTION = 11;

/** Ids of the sections of a module, in order. */
function sectionIds(bytes: Uint8Array): number[] {
  const ids: number[] = [];
  let at = 8;
  while (at < bytes.length) {
    ids.push(bytes[at++]!);
    let size = 0;
    let shift = 0;
    for (let more = true; more; shift += 7) {
      const byte = bytes[at++]!;
      size |= (byte & 127) << shift;
      more = byte >= 128;
    }
    at += size;
  }
  return ids;
}

describe.each(VARIANTS)("build/%s.wasm", (variant) => {
  const bytes = readFileSync(`build/${variant}.wasm`);

  it("imports nothing and exports the engine's functions and its memory", () => {
    const module = new WebAssembly.Module(bytes);
    expect(WebAssembly.Module.imports(module)).toEqual([]);
    const names = WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`);
    expect(names.sort()).toEqual([
      "function imageOutput",
      "function imageRow",
      "function imageWeights",
      "function mask",
      "function probability",
      "function run",
      "function runRows",
      "function selftest",
      "function windowEnd",
      "function windowFirst",
      "memory memory",
    ]);
  });

  it("has no table, no start function and no data, so memory is the host's alone", () => {
    const ids = sectionIds(bytes);
    for (const id of [TABLE_SECTION, START_SECTION, ELEMENT_SECTION, DATA_SECTION])
      expect(ids).not.toContain(id);
  });

  it("starts with one page of zeros", () => {
    const { exports } = instantiateSync(bytes, {});
    const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
    expect(memory.length).toBe(65536);
    expect(memory.every((byte) => byte === 0)).toBe(true);
  });

  it("says how it sums products: with a relaxed dot product in the relaxed build alone", () => {
    const { exports } = instantiateSync<{ selftest(): number }>(bytes, {});
    expect(variant === "relaxed" ? [1, 2, 3] : [0]).toContain(exports.selftest());
    const memory = new Uint8Array((exports as unknown as { memory: WebAssembly.Memory }).memory.buffer);
    expect(memory.every((byte) => byte === 0)).toBe(true);
  });

  // three kinds of dot product against one
  it(`is at most ${variant === "relaxed" ? 36 : 24} kB`, () => {
    expect(bytes.length).toBeLessThanOrEqual((variant === "relaxed" ? 36 : 24) * 1024);
  });

  it("finds the window of source pixels under a target pixel", () => {
    const { exports } = instantiateSync<{
      windowFirst(i: number, from: number, to: number): number;
      windowEnd(i: number, from: number, to: number): number;
    }>(bytes, {});
    // half size: pixel 3 lies over source pixels 6 and 7 and reaches half a pixel less than 5..8
    expect([exports.windowFirst(3, 20, 10), exports.windowEnd(3, 20, 10)]).toEqual([5, 9]);
    expect([exports.windowFirst(0, 20, 10), exports.windowEnd(9, 20, 10)]).toEqual([0, 20]);
    expect([exports.windowFirst(7, 10, 10), exports.windowEnd(7, 10, 10)]).toEqual([7, 8]);
  });
});
