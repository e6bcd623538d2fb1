/** Segmenters that a program has lost end their threads. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { buildFixture } from "../fixtures/fixture.js";

const COUNT = 50;

test.skipIf(!existsSync("/proc/self/task"))(
  `${COUNT} lost segmenters leave no thread (needs /proc)`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "attendseg-garbage-"));
    const model = join(folder, "model.aseg");
    writeFileSync(model, writeModel(buildFixture()));
    const text = `
      import { readdirSync } from "node:fs";
      import { Segmenter } from ${JSON.stringify(pathToFileURL(resolve("dist/node.js")).href)};
      const count = () => readdirSync("/proc/self/task").length;
      const load = (threads) => Segmenter.load(${JSON.stringify(model)}, { threads });
      await load(1);
      const before = count();
      const segmenters = [];
      while (segmenters.length < ${COUNT}) segmenters.push(await load(2));
      const most = count() - before;
      const kept = segmenters.pop();
      segmenters.length = 0;
      for (let look = 0; look < 200 && count() > before + 1; look++) {
        gc();
        await new Promise((done) => setTimeout(done, 50));
      }
      const image = { data: new Uint8Array(64 * 48 * 3), width: 64, height: 48 };
      console.log(JSON.stringify({ most, left: count() - before, mask: kept.segment(image).mask.length }));
      kept.dispose();`;
    const words = ["--expose-gc", "--input-type=module", "--eval", text];
    const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    expect(stderr).toBe("");
    const { most, left, mask } = JSON.parse(stdout);
    expect(most).toBeGreaterThanOrEqual(COUNT);
    // Node may keep a thread of its own that has come up meanwhile
    expect(left).toBeLessThanOrEqual(2);
    expect(mask).toBe(64 * 48);
  },
  60_000,
);
