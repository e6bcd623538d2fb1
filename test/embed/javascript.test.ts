import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EMBED, embed, MODELS, maskOf } from "./embed.js";

const AsyncFunction = (async () => {}).constructor as new (
  ...words: string[]
) => (wasm: Uint8Array, rgb: Uint8Array) => Promise<Uint8Array>;

test.for(MODELS)(
  "%s: the three lines of the guide give the library's mask",
  { timeout: 30_000 },
  async ([, file], { skip }) => {
    if (file.length === 0) skip();
    const [, code] = /```js\n([^`]+)```/.exec(readFileSync(join(EMBED, "README.md"), "utf8"))!;
    expect(code!.trim().split("\n")).toHaveLength(3);
    const segment = new AsyncFunction("wasm", "rgb", `${code}; return mask;`);
    const { module, width, height } = await embed(file, "simd");
    const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * 2654435761) >>> 24);
    const mask = await segment(readFileSync(module), data);
    expect(Buffer.compare(mask, await maskOf(file, { data, width, height }))).toBe(0);
  },
);
