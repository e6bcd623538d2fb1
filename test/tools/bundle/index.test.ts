import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { plan } from "../../../src/plan.js";
import { BUNDLE_VARIANTS, bundleModel } from "../../../tools/bundle/index.js";
import { writeModel } from "../../../tools/convert/aseg/write.js";
import { referenceInput, referenceMask, runReference } from "../../../tools/reference/run.js";
import { buildFixture, FIXTURE_CLASSES } from "../../fixtures/fixture.js";
import { Random } from "../../fixtures/random.js";

interface Standalone {
  readonly memory: WebAssembly.Memory;
  input(): number;
  output(): number;
  run(): number;
  selftest(): number;
  width(): number;
  height(): number;
  classes(): number;
  className(id: number): number;
  classNameLength(id: number): number;
}

const START_SECTION = 8;
const EXPORTS = [
  "function className",
  "function classNameLength",
  "function classes",
  "function height",
  "function input",
  "function output",
  "function run",
  "function selftest",
  "function width",
  "memory memory",
];
const NAMES = ["Straße", "", "道路", "sky, or nearly", "x".repeat(300)];

const fixture = buildFixture(5);
const model = { ...fixture, card: { ...fixture.card, classes: NAMES } };
const file = writeModel(model);

const bundle = (variant: string, width: number, height: number) =>
  bundleModel(file, plan(model, height, width), variant);

function instantiate(bytes: Uint8Array): Standalone {
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  return new WebAssembly.Instance(module).exports as unknown as Standalone;
}

/** The mask by the reference, for a picture of the network's size. */
function expectedMask(picture: Uint8Array, width: number, height: number): Uint8Array {
  const tensors = runReference(
    model,
    referenceInput(picture, width, height, 3, width, height),
    height,
    width,
  );
  const scores = tensors[model.ops.at(-1)!.inputs[0]!]!;
  const size = { height: height / 2, width: width / 2 };
  return referenceMask(scores, size, FIXTURE_CLASSES, height, width);
}

const view = ({ memory }: Standalone, at: number, length: number) =>
  new Uint8Array(memory.buffer, at, length);

/** Addresses of memory.initial and memory.maximum read by hand: the section holds 1, 1, initial, maximum. */
function sectionsOf(bytes: Uint8Array): Map<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>();
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++]!;
    let size = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]!;
      size += (byte % 128) * factor;
      if (byte < 128) break;
    }
    sections.set(id, bytes.subarray(at, at + size));
    at += size;
  }
  return sections;
}

describe.each(BUNDLE_VARIANTS)("a standalone module, %s", (variant) => {
  test.each([
    [8, 8],
    [64, 48],
    [40, 104],
  ])("of %ix%i gives the reference's masks, one after the other", async (width, height) => {
    const standalone = instantiate((await bundle(variant, width, height)).bytes);
    expect([standalone.width(), standalone.height()]).toEqual([width, height]);
    const random = new Random(width);
    for (let frame = 0; frame < 3; frame++) {
      const picture = random.uint8(width * height * 3);
      view(standalone, standalone.input(), picture.length).set(picture);
      expect(standalone.run()).toBe(0);
      // the next picture may be written before this mask is read
      view(standalone, standalone.input(), picture.length).fill(255);
      const mask = view(standalone, standalone.output(), width * height);
      expect([...mask]).toEqual([...expectedMask(picture, width, height)]);
    }
  });

  test("imports nothing, starts nothing, and exports what is promised", async () => {
    const { bytes } = await bundle(variant, 64, 48);
    const module = new WebAssembly.Module(Uint8Array.from(bytes));
    expect(WebAssembly.Module.imports(module)).toEqual([]);
    const names = WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`);
    expect(names.sort()).toEqual(EXPORTS);
    expect(sectionsOf(bytes).has(START_SECTION)).toBe(false);
  });

  test.each([
    [8, 8],
    [64, 48],
    [256, 256],
  ])("of %ix%i has memory of one size, at most a page above the plan", async (width, height) => {
    const { bytes, memoryBytes } = await bundle(variant, width, height);
    const { memory } = instantiate(bytes);
    expect(memory.buffer.byteLength).toBe(memoryBytes);
    expect(() => memory.grow(1)).toThrow(RangeError);
    expect(memoryBytes - plan(model, height, width).memoryBytes).toBeLessThanOrEqual(65536);
    expect(memoryBytes).toBeGreaterThanOrEqual(plan(model, height, width).memoryBytes);
  });

  test("names its classes", async () => {
    const standalone = instantiate((await bundle(variant, 8, 8)).bytes);
    expect(standalone.classes()).toBe(NAMES.length);
    NAMES.forEach((name, id) => {
      const length = standalone.classNameLength(id);
      const bytes = view(standalone, standalone.className(id), length + 1);
      expect(new TextDecoder().decode(bytes.subarray(0, length))).toBe(name);
      expect(bytes[length]).toBe(0);
    });
    for (const id of [-1, NAMES.length, 2 ** 31 - 1]) {
      expect([standalone.className(id), standalone.classNameLength(id)]).toEqual([0, 0]);
    }
  });

  test("passes its self-test at any time, and fails it with a damaged weight", async () => {
    const { bytes } = await bundle(variant, 64, 48);
    const standalone = instantiate(bytes);
    expect([standalone.selftest(), standalone.run(), standalone.selftest()]).toEqual([1, 0, 1]);
    const { parameters } = plan(model, 48, 64);
    const stem = parameters.find(({ weights }) => weights > 0)!;
    view(standalone, stem.bias, 4).fill(0x5a);
    expect(standalone.selftest()).toBe(0);
  });
});

test("the same model and size give the same bytes, and no zeros at the end of the network's data", async () => {
  const [first, second] = [await bundle("simd", 64, 48), await bundle("simd", 64, 48)];
  expect(first).toEqual(second);
  const engine = readFileSync("build/standalone-simd.wasm");
  expect(first.bytes.length).toBeLessThan(file.length * 2 + engine.length);
});

test("both builds agree on the self-test", async () => {
  const [scalar, simd] = [await bundle("scalar", 64, 48), await bundle("simd", 64, 48)];
  expect(scalar.checksum).toBe(simd.checksum);
  expect(scalar.memoryBytes).toBe(simd.memoryBytes);
});
