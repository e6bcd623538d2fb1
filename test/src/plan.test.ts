import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as format from "../../src/format.js";
import { kindOf, type Model } from "../../src/ops.js";
import { type Plan, plan } from "../../src/plan.js";
import { referenceSizes } from "../../tools/reference/run.js";
import { buildCase } from "../cases/case.js";
import { buildFixture } from "../fixtures/fixture.js";
import { arbitraryCase, TESTED_CODES } from "../properties.js";

/**
 * Goes through the operations as the engine does, on an arena in which every byte says what it belongs to.
 *
 * @returns the first operation that finds bytes of an input overwritten, or writes where it must not
 */
function findFault(model: Model, { tensors, ops, arenaBytes }: Plan): string | undefined {
  const owner = new Int32Array(arenaBytes).fill(-1);
  const bytesOf = (id: number) => tensors[id]!.height * tensors[id]!.width * model.tensors[id]!.channels;
  const region = (id: number) => owner.subarray(tensors[id]!.offset, tensors[id]!.offset + bytesOf(id));
  const isWhole = (id: number) =>
    region(id).length === bytesOf(id) && region(id).every((value) => value === id);
  const overlap = (at: number, bytes: number, id: number) =>
    bytes > 0 && at < tensors[id]!.offset + bytesOf(id) && tensors[id]!.offset < at + bytes;

  for (const [index, op] of model.ops.entries()) {
    const where = `op ${index} (${kindOf(op).name})`;
    const { scratch: at, scratchBytes: bytes } = ops[index]!;
    if (at + bytes > arenaBytes) return `${where}: scratch beyond the arena`;
    owner.fill(-2, at, at + bytes);
    for (const [slot, id] of op.inputs.entries()) {
      if (!isWhole(id)) return `${where}: input ${slot} is overwritten`;
      const inPlace = slot === 0 && kindOf(op).inPlace && tensors[id]!.offset === tensors[op.output]!.offset;
      if (overlap(tensors[op.output]!.offset, bytesOf(op.output), id) && !inPlace)
        return `${where}: output over input ${slot}`;
    }
    if (overlap(at, bytes, op.output)) return `${where}: output over scratch`;
    region(op.output).fill(op.output);
    if (!isWhole(op.output)) return `${where}: output beyond the arena`;
  }
  // the mask is drawn after the last operation, from the logits, their winners, and with scratch
  const last = model.ops.at(-1)!;
  const { scratch, scratchBytes } = ops.at(-1)!;
  owner.fill(-2, scratch, scratch + scratchBytes);
  return isWhole(last.output) && isWhole(last.inputs[0]!)
    ? undefined
    : "the mask finds its input overwritten";
}

function expectSound(model: Model, height: number, width: number): void {
  const result = plan(model, height, width);
  expect(findFault(model, result)).toBeUndefined();
  expect(result.tensors.map(({ height, width }) => ({ height, width }))).toEqual(
    referenceSizes(model, height, width),
  );
  const offsets = [
    ...result.tensors.map(({ offset }) => offset),
    ...result.ops.map(({ scratch }) => scratch),
  ];
  for (const at of [result.arenaAt, ...offsets]) expect(at % format.ALIGNMENT).toBe(0);
  expect(result.memoryBytes % 65536).toBe(0);
  expect(result.memoryBytes).toBeGreaterThan(result.arenaAt + result.arenaBytes + 15);
  expect(result.memoryBytes - result.arenaAt - result.arenaBytes).toBeLessThan(2 * 65536);
  expect(plan(model, height, width)).toEqual(result);
}

describe("plan", () => {
  it.each([
    [8, 8],
    [8, 64],
    [48, 64],
    [128, 16],
    [264, 520],
  ])("of the fixture at %i x %i: nothing is overwritten that is still needed", (height, width) => {
    expectSound(buildFixture(), height, width);
  });

  it.each(TESTED_CODES)("of any case of operation %i", (code) => {
    const property = fc.property(arbitraryCase(code), (test) => {
      const { model, height, width } = buildCase(test);
      expectSound(model, height, width);
    });
    fc.assert(property, { numRuns: 50, seed: 2026 });
  });

  it("shares memory: the arena is smaller than half of all tensors together", () => {
    const model = buildFixture();
    const { tensors, arenaBytes } = plan(model, 264, 520);
    const bytes = tensors.map(({ height, width }, id) => height * width * model.tensors[id]!.channels);
    expect(arenaBytes).toBeLessThan(bytes.reduce((sum, count) => sum + count, 0) / 2);
  });

  it("is checked by a check that finds what is wrong", () => {
    const model = buildFixture();
    const sound = plan(model, 48, 64);
    const depthwise = model.ops.findIndex((op) => op.code === format.DEPTHWISE);
    const input = sound.tensors[model.ops[depthwise]!.inputs[0]!]!.offset;
    const ops = sound.ops.map((op, index) => (index === depthwise ? { ...op, scratch: input } : op));
    expect(findFault(model, { ...sound, ops })).toBe(`op ${depthwise} (depthwise): input 0 is overwritten`);
    expect(
      findFault(model, { ...sound, tensors: sound.tensors.map((tensor) => ({ ...tensor, offset: 0 })) }),
    ).toBeDefined();
    expect(findFault(model, { ...sound, arenaBytes: sound.arenaBytes - 16 })).toBeDefined();
  });

  it.each([0, 7, 12, -8, 4104, 8.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses a side of %d", (side) => {
    expect(() => plan(buildFixture(), side, 64)).toThrow(RangeError);
    expect(() => plan(buildFixture(), 64, side)).toThrow(RangeError);
  });

  it("refuses a side that is not a number", () => {
    expect(() => plan(buildFixture(), "64" as unknown as number, 64)).toThrow(TypeError);
  });
});
