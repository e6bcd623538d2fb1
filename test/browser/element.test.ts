/** <attend-seg> in real browsers, under the strict policy of `attendseg serve`. */
import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { histogram, Segmenter } from "../../src/index.js";
import { encodePng } from "../../tools/image/png-encode.js";
import { type RunningServer, startServer } from "../../tools/serve/server.js";
import { FIXTURE } from "../tools/command.js";
import * as drive from "./drive.js";

const PATIENCE = 60_000;
const WIDTH = 80;
const HEIGHT = 60;
const IMAGE = {
  data: Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, at) => (at * at * 7 + (at >> 5) * 31) % 256),
  width: WIDTH,
  height: HEIGHT,
  channels: 3,
} as const;

/** What the page keeps of events. */
type Globals = { seen: { mask: number[]; shares: number[] }[]; errors: string[]; violations: string[] };

for (const candidate of drive.BROWSERS) {
  describe.skipIf(!candidate.path)(
    `<attend-seg> in ${drive.titleOf(candidate)}`,
    { timeout: PATIENCE },
    () => {
      let server: RunningServer;
      let browser: Browser;
      let page: Page;

      beforeAll(async () => {
        const root = mkdtempSync(join(tmpdir(), "attendseg-element-"));
        for (const name of ["element.js", "worker.js"]) copyFileSync(join("dist", name), join(root, name));
        writeFileSync(join(root, "photo.png"), encodePng(IMAGE));
        const html = `<!doctype html><script type="module" src="test.js"></script>
        <attend-seg src="photo.png" model="models/fixture.aseg" opacity="0.6"></attend-seg>`;
        writeFileSync(join(root, "index.html"), html);
        const script = `import "./element.js";
        globalThis.seen = []; globalThis.errors = [];
        const element = document.querySelector("attend-seg");
        element.addEventListener("change", ({ detail }) => seen.push({ mask: [...detail.mask], shares: [...detail.shares] }));
        element.addEventListener("error", ({ message }) => errors.push(message));`;
        writeFileSync(join(root, "test.js"), script);
        const model = join(root, "fixture.aseg");
        writeFileSync(model, FIXTURE);
        server = await startServer({ root, models: [model], host: "127.0.0.1", port: 0, isolate: true });
        browser = await drive.openBrowser(candidate);
        page = await browser.newPage();
        await page.evaluateOnNewDocument(drive.prepare);
        await page.goto(server.url);
      }, PATIENCE);

      afterAll(async () => {
        await browser?.close();
        await server?.close();
      });

      const globals = <T>(ask: (it: Globals) => T) =>
        page.evaluate(`(${ask.toString()})(globalThis)`) as Promise<T>;
      const inside = (selector: string) =>
        page.evaluate((it) => {
          const root = document.querySelector("attend-seg")!.shadowRoot!;
          return [...root.querySelectorAll(it)].map((element) => element.textContent);
        }, selector);

      test("shows the mask of Node with its legend, and breaks no rule of the policy", async () => {
        await drive.until(() => globals(({ seen }) => seen?.length > 0), "the first change");
        const node = await Segmenter.load(FIXTURE);
        const { mask } = node.segment(IMAGE);
        const [change] = await globals(({ seen }) => seen);
        expect(change!.mask).toEqual([...mask]);
        const counts = [...histogram(mask, node.classes.length)];
        expect(change!.shares).toEqual(counts.map((count) => count / mask.length));
        const order = counts.map((_, id) => id).filter((id) => counts[id]! > 0);
        order.sort((a, b) => counts[b]! - counts[a]!);
        expect(await inside('[part="name"]')).toEqual(order.map((id) => node.classes[id]));
        const size = await page.evaluate(() => {
          const canvas = document.querySelector("attend-seg")!.shadowRoot!.querySelector("canvas")!;
          return [canvas.width, canvas.height, canvas.getAttribute("aria-label")];
        });
        expect(size.slice(0, 2)).toEqual([WIDTH, HEIGHT]);
        expect(size[2]).toContain("%");
        expect(await globals(({ violations }) => violations)).toEqual([]);
        const path = drive.screenshotPath(`element-${candidate.name}`);
        if (path) await page.screenshot({ path: path as `${string}.png` });
      });

      test("another opacity paints the image again, and segments nothing", async () => {
        const middle = (opacity: string) =>
          page.evaluate((it) => {
            const element = document.querySelector("attend-seg")!;
            element.setAttribute("opacity", it);
            const canvas = element.shadowRoot!.querySelector("canvas")!;
            return [...canvas.getContext("2d")!.getImageData(40, 30, 1, 1).data];
          }, opacity);
        const { palette } = await Segmenter.load(FIXTURE);
        const [change] = await globals(({ seen }) => seen);
        const at = 30 * WIDTH + 40;
        expect(await middle("0")).toEqual([...IMAGE.data.subarray(3 * at, 3 * at + 3), 255]);
        expect(await middle("1")).toEqual([...palette[change!.mask[at]!]!, 255]);
        await new Promise((done) => setTimeout(done, 300));
        expect(await globals(({ seen }) => seen.length)).toBe(1);
      });

      test("a wrong address is told, the next image is shown", async () => {
        await page.evaluate(() => document.querySelector("attend-seg")!.setAttribute("src", "none.png"));
        await drive.until(() => globals(({ errors }) => errors.length > 0), "the error");
        expect(await inside('[part="status"]')).toEqual(["cannot fetch none.png: 404"]);
        const before = await globals(({ seen }) => seen.length);
        await page.evaluate(() => document.querySelector("attend-seg")!.setAttribute("src", "photo.png"));
        await drive.until(
          () => globals(({ seen }) => seen.length).then((now) => now > before),
          "the next change",
        );
        expect(await inside('[part="status"]')).toEqual([""]);
      });

      test("the camera is shown, and ends with the element, which leaves no worker", async () => {
        const before = await globals(({ seen }) => seen.length);
        await page.evaluate(() => document.querySelector("attend-seg")!.setAttribute("camera", ""));
        await drive.until(() => globals(({ seen }) => seen.length).then((now) => now > before + 3), "frames");
        await page.evaluate(() => document.querySelector("attend-seg")!.remove());
        await new Promise((done) => setTimeout(done, 500));
        const after = await globals(({ seen }) => seen.length);
        await new Promise((done) => setTimeout(done, 300));
        expect(await globals(({ seen }) => seen.length)).toBe(after);
        if (candidate.name === "chrome") expect(page.workers()).toEqual([]);
      });
    },
  );
}
