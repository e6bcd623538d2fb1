import { expect, it } from "vitest";
import { crc32 } from "../../src/checksum.js";

it.each([
  ["", 0],
  ["123456789", 0xcbf43926],
  ["IEND", 0xae426082],
  ["The quick brown fox jumps over the lazy dog", 0x414fa339],
  ["\0".repeat(32), 0x190a55ad],
])("CRC-32 of %j", (text, expected) => {
  expect(crc32(new TextEncoder().encode(text))).toBe(expected);
});

it("CRC-32 of bytes with the high bit set", () => {
  expect(crc32(new Uint8Array(32).fill(255))).toBe(0xff6cab0b);
});
