import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseModel } from "../../../src/model.js";
import { plan } from "../../../src/plan.js";
import { BUNDLE_VARIANTS, bundleModel, planBundle } from "../../../tools/bundle/index.js";
import { writeModel } from "../../../tools/convert/aseg/write.js";
import { probability } from "../../../tools/reference/probability.js";
import { referenceInput, referenceMask, runReference } from "../../../tools/reference/run.js";
import { buildFixture, FIXTURE_CLASSES } from "../../fixtures/fixture.js";
import { Random } from "../../fixtures/random.js";

interface Standalone {
  readonly memory: WebAssembly.Memory;
  readonly __data_end: WebAssembly.Global;
  readonly __heap_base: WebAssembly.Global;
  input(): number;
  output(): number;
  run(): number;
  probabilities(id: number): number;
  selftest(): number;
  width(): number;
  height(): number;
  classes(): number;
  className(id: number): number;
  classNameLength(id: number): number;
}

const TINY = "models/attendseg-camvid-micro.aseg";
const MEMORY_SECTION = 5;
const START_SECTION = 8;
const EXPORTS = [
  "function className",
  "function classNameLength",
  "function classes",
  "function height",
  "function input",
  "function output",
  "function probabilities",
  "function run",
  "function selftest",
  "function width",
  "global __data_end",
  "global __heap_base",
  "memory memory",
];
const NAMES = ["Straße", "", "道路", "sky, or nearly", "x".repeat(300)];

const fixture = buildFixture(5, true);
const model = { ...fixture, metadata: { ...fixture.metadata, classes: NAMES } };
const file = writeModel(model);

const bundle = (variant: string, width: number, height: number) =>
  bundleModel(file, planBundle(model, height, width), variant);

function instantiate(bytes: Uint8Array): Standalone {
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  return new WebAssembly.Instance(module).exports as unknown as Standalone;
}

/** The mask by the reference, for an image of the network's size, and probabilities of the winner and of a class. */
function expected(image: Uint8Array, width: number, height: number, id: number) {
  const tensors = runReference(model, referenceInput(image, width, height, 3, width, height), height, width);
  const tensor = model.ops.at(-1)!.inputs[0]!;
  const logits = tensors[tensor]!;
  const size = { height: height / 2, width: width / 2 };
  const { scale } = model.tensors[tensor]!;
  const [most, one] = (["max", id] as const).map((which) =>
    probability(logits, size, FIXTURE_CLASSES, scale, which, { height, width }),
  );
  return { mask: referenceMask(logits, size, FIXTURE_CLASSES, height, width), most: most!, one: one! };
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

/** An unsigned number in groups of seven bits, the low ones first. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))];
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
      const image = random.uint8(width * height * 3);
      view(standalone, standalone.input(), image.length).set(image);
      const { mask, most, one } = expected(image, width, height, frame);
      const output = () => [...view(standalone, standalone.output(), width * height)];
      expect(standalone.run()).toBe(0);
      expect(standalone.probabilities(-1)).toBe(0);
      expect(output()).toEqual([...most]);
      expect(standalone.probabilities(frame)).toBe(0);
      expect(output()).toEqual([...one]);
      for (const none of [-2, NAMES.length]) expect(standalone.probabilities(none)).toBe(1);
      expect(output()).toEqual([...one]);

      view(standalone, standalone.input(), image.length).set(image);
      expect(standalone.run()).toBe(0);
      // the next image may be written before this mask is read
      view(standalone, standalone.input(), image.length).fill(255);
      expect(output()).toEqual([...mask]);
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
  ])("of %ix%i has memory of one size, no page more than it uses", async (width, height) => {
    const { bytes, memoryBytes } = await bundle(variant, width, height);
    const { memory, __data_end, __heap_base } = instantiate(bytes);
    expect(memory.buffer.byteLength).toBe(memoryBytes);
    expect(() => memory.grow(1)).toThrow(RangeError);
    const layout = planBundle(model, height, width);
    expect(__heap_base.value).toBe(layout.usedBytes);
    expect(__data_end.value).toBe(layout.arenaAt);
    expect(Math.ceil(layout.usedBytes / 65536) * 65536).toBe(memoryBytes);
    expect(plan(model, height, width).memoryBytes).toBeGreaterThanOrEqual(memoryBytes);
  });

  test("leaves what lies behind the memory that it says it uses alone", async () => {
    const standalone = instantiate((await bundle(variant, 40, 104)).bytes);
    const used = standalone.__heap_base.value;
    const behind = view(standalone, used, standalone.memory.buffer.byteLength - used);
    behind.fill(0xa5);
    expect([standalone.selftest(), behind.every((byte) => byte === 0xa5)]).toEqual([1, true]);
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
    const stem = planBundle(model, 48, 64).ops.find(({ blocksAt }) => blocksAt > 0)!;
    view(standalone, stem.blocksAt, 4).fill(0x5a);
    expect(standalone.selftest()).toBe(0);
  });
});

test("the same model and size give the same bytes, and no zeros at the end of the network's data", async () => {
  const [first, second] = [await bundle("simd", 64, 48), await bundle("simd", 64, 48)];
  expect(first).toEqual(second);
  const engine = readFileSync("build/standalone-simd.wasm");
  expect(first.bytes.length).toBeLessThan(file.length * 2 + engine.length);
});

test("exact: the same module but for a memory of one-byte pages, as many as it uses", async () => {
  const layout = planBundle(model, 48, 64);
  const [exact, paged] = [await bundleModel(file, layout, "simd", true), await bundle("simd", 64, 48)];
  expect(exact.memoryBytes).toBe(layout.usedBytes);
  const [sections, others] = [sectionsOf(exact.bytes), sectionsOf(paged.bytes)];
  const size = leb(layout.usedBytes);
  expect([...sections.get(MEMORY_SECTION)!]).toEqual([1, 9, ...size, ...size, 0]);
  for (const section of [sections, others]) section.delete(MEMORY_SECTION);
  expect(sections).toEqual(others);
});

test.skipIf(!existsSync(TINY))(
  "the tiny model at 128x128 needs a quarter of a megabyte, and 200,000 bytes exact",
  () => {
    const layout = planBundle(parseModel(readFileSync(TINY)), 128, 128);
    expect(layout.memoryBytes).toBeLessThanOrEqual(262_144);
    expect(layout.usedBytes).toBeLessThanOrEqual(200_000);
  },
);

test("both builds agree on the self-test", async () => {
  const [scalar, simd] = [await bundle("scalar", 64, 48), await bundle("simd", 64, 48)];
  expect(scalar.checksum).toBe(simd.checksum);
  expect(scalar.memoryBytes).toBe(simd.memoryBytes);
});
