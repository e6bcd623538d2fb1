import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { Random } from "../fixtures/random.js";
import { decodeBase64 } from "./probe.js";
import { sha256 } from "./sha256.js";

const random = new Random(3);

it("hashes as node:crypto does, at every length around the size of a block and for many blocks", () => {
  for (const length of [...Array.from({ length: 200 }, (_, n) => n), 4095, 4096, 100_001]) {
    const bytes = random.uint8(length);
    expect(sha256(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
});

it("hashes a part of a larger buffer", () => {
  const bytes = random.uint8(1000).subarray(333, 777);
  expect(sha256(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
});

it("decodes base64 as Buffer does, with and without padding", () => {
  for (let length = 0; length < 100; length++) {
    const bytes = random.uint8(length);
    const text = Buffer.from(bytes).toString("base64");
    expect(decodeBase64(text)).toEqual(bytes);
    expect(decodeBase64(text.replace(/=/g, ""))).toEqual(bytes);
  }
});
