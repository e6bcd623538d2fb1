import { expect, it } from "vitest";
import { decodeBase64 } from "../../src/base64.js";
import { Random } from "../fixtures/random.js";

it.each([0, 1, 2, 3, 4, 5, 1000, 1001])("%i bytes come back", (length) => {
  const bytes = Uint8Array.from(new Random(length + 1).int8(length));
  expect(decodeBase64(Buffer.from(bytes).toString("base64"))).toEqual(bytes);
});

it("every digit has its value", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
  expect(decodeBase64(Buffer.from(bytes).toString("base64"))).toEqual(bytes);
});
