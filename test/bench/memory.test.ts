import { expect, it } from "vitest";
import { watchMemory } from "../../bench/engines/memory.js";

/** A module that exports a memory of three pages. */
const MODULE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x05, 0x03, 0x01, 0x00, 0x03],
  ...[0x07, 0x05, 0x01, 0x01, 0x6d, 0x02, 0x00],
);
const PAGE = 65536;

it("adds up memories however they are made, as large as they have grown", async () => {
  const bytes = watchMemory();
  expect(bytes()).toBe(0);
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 9 });
  expect(memory).toBeInstanceOf(WebAssembly.Memory);
  expect(bytes()).toBe(2 * PAGE);
  memory.grow(1);
  expect(bytes()).toBe(3 * PAGE);
  await WebAssembly.instantiate(MODULE);
  expect(bytes()).toBe(6 * PAGE);
  const module = await WebAssembly.compile(MODULE);
  await WebAssembly.instantiate(module);
  expect(bytes()).toBe(9 * PAGE);
  const instance = new WebAssembly.Instance(module);
  expect(instance).toBeInstanceOf(WebAssembly.Instance);
  expect(bytes()).toBe(12 * PAGE);
});
