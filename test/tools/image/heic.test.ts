import { describe, expect, test, vi } from "vitest";
import { decodeImage } from "../../../tools/image/index.js";

/**
 * 64x48 pixels whose red is 4 times the column, and green 5 times the row; pillow-heif 1.8.1 wrote them, with
 * `Image.save(file, "HEIF", quality=50)`.
 */
const FILE = Buffer.from(
  [
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA",
    "ACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAAHEAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt",
    "AAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA",
    "AAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5j",
    "bHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBp",
    "eGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAHltZGF0AAAAbSgBrxOA9UU941XBs/sF0d8lgisDXfa5H37rgCWd",
    "7b3GWwheapcfgdCsv5J1yF43sGzWOCr9D+WBaOsxS+K0thzOhLcPo6/Gt5RgqoFOMpGeAglbR4+ggtkKissia2xhHz1AqM1tMr6C",
    "Ilmrkk4=",
  ].join(""),
  "base64",
);

/** What becomes of a file, and how often standard output was written to meanwhile. */
async function quietly(bytes: Uint8Array) {
  const log = vi.spyOn(console, "log");
  const write = vi.spyOn(process.stdout, "write");
  const outcome = await decodeImage(bytes, "a.heic").catch((error: Error) => error);
  const words = log.mock.calls.length + write.mock.calls.length;
  log.mockRestore();
  write.mockRestore();
  return { outcome, words };
}

describe("HEIC", () => {
  test("gives the colours that were written, and nothing on standard output", async () => {
    const { outcome, words } = await quietly(FILE);
    expect(words).toBe(0);
    if (outcome instanceof Error) throw outcome;
    const { data, width, height, channels } = outcome;
    expect([width, height]).toEqual([64, 48]);
    let sum = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [red, green, blue] = data.subarray((y * width + x) * channels) as unknown as [
          number,
          number,
          number,
        ];
        sum += Math.abs(red - 4 * x) + Math.abs(green - 5 * y) + blue;
      }
    }
    expect(sum / (3 * width * height)).toBeLessThan(4);
  });

  test("is refused where it is cut off, and nothing stands on standard output", async () => {
    for (let length = 40; length < FILE.length - 1; length += 30) {
      const { outcome, words } = await quietly(FILE.subarray(0, length));
      expect(words).toBe(0);
      expect(outcome).toMatchObject({
        name: "UserError",
        message: expect.stringMatching(/^a\.heic: the HEIC/),
      });
    }
  });
});
