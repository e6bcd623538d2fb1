import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EMBED, embed, FIXTURE, maskOf, missingModules, python, suiteName } from "./embed.js";

const missing = missingModules("wasm3");

describe.skipIf(missing)(suiteName("the guide's Python for wasm3", missing), () => {
  test("gives the library's mask", async () => {
    const [, code] = /```python\n(import wasm3[^`]+)```/.exec(
      readFileSync(join(EMBED, "README.md"), "utf8"),
    )!;
    const { folder, module, width, height } = await embed(FIXTURE, "scalar");
    const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * 2654435761) >>> 24);
    writeFileSync(join(folder, "rgb"), data);
    const script = [
      "import sys",
      "wasm, rgb = (open(path, 'rb').read() for path in sys.argv[1:3])",
      code,
      "open(sys.argv[3], 'wb').write(mask)",
    ].join("\n");
    const outcome = python(["-c", script, module, join(folder, "rgb"), join(folder, "mask")]);
    expect([outcome.status, outcome.stderr]).toEqual([0, ""]);
    const mask = await maskOf(FIXTURE, { data, width, height });
    expect(Buffer.compare(readFileSync(join(folder, "mask")), Buffer.from(mask))).toBe(0);
  }, 60_000);
});
