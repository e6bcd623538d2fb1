/** Backgrounds replaced and blurred, on canvases and in streams of video frames, in real browsers. */
import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as Library from "../../src/browser/index.js";
import { type RunningServer, startServer } from "../../tools/serve/server.js";
import { FIXTURE } from "../tools/command.js";
import * as drive from "./drive.js";

const PATIENCE = 120_000;
/** Frames of the stream while memory is watched; the variable FRAMES asks for more. */
const FRAMES = Number(process.env.FRAMES ?? 100);
/** What a leak of one frame (640x480 RGBA) at each frame would take. */
const LEAK = FRAMES * 640 * 480 * 4;

type Globals = { attendseg: typeof Library };

for (const candidate of drive.BROWSERS) {
  describe.skipIf(!candidate.path)(
    `backgrounds in ${drive.titleOf(candidate)}`,
    { timeout: PATIENCE },
    () => {
      let server: RunningServer;
      let browser: Browser;
      let page: Page;

      beforeAll(async () => {
        const root = mkdtempSync(join(tmpdir(), "attendseg-background-"));
        for (const name of ["browser.js", "worker.js"]) copyFileSync(join("dist", name), join(root, name));
        writeFileSync(
          join(root, "index.html"),
          '<!doctype html><script type="module" src="test.js"></script>',
        );
        writeFileSync(join(root, "test.js"), 'globalThis.attendseg = await import("./browser.js");');
        const model = join(root, "fixture.aseg");
        writeFileSync(model, FIXTURE);
        server = await startServer({ root, models: [model], host: "127.0.0.1", port: 0, isolate: true });
        browser = await drive.openBrowser(candidate);
        page = await browser.newPage();
        await page.goto(server.url);
        await drive.until(() => page.evaluate(() => "attendseg" in globalThis), "the library");
      }, PATIENCE);

      afterAll(async () => {
        await browser?.close();
        await server?.close();
      });

      test("the foreground stays, the rest is the color, the image or the blurred image", async () => {
        const levels = await page.evaluate(() => {
          const { BackgroundPainter, blurBackground, replaceBackground } = (globalThis as unknown as Globals)
            .attendseg;
          // columns of black and white, 2 pixels wide; the right half is foreground
          const source = new OffscreenCanvas(64, 32);
          const context = source.getContext("2d")!;
          for (let x = 0; x < 64; x++) {
            context.fillStyle = x % 4 < 2 ? "white" : "black";
            context.fillRect(x, 0, 1, 32);
          }
          const ids = Uint8Array.from({ length: 64 * 32 }, (_, at) => (at % 64 < 32 ? 1 : at % 3 ? 4 : 2));
          const mask = { mask: ids, width: 64, height: 32 };
          const red = new OffscreenCanvas(1, 1);
          red.getContext("2d")!.fillStyle = "red";
          red.getContext("2d")!.fillRect(0, 0, 1, 1);
          const canvas = document.createElement("canvas");
          const at = (x: number) => [...canvas.getContext("2d")!.getImageData(x, 16, 1, 1).data];
          const seen: Record<string, number[][]> = {};
          replaceBackground(canvas, source, mask, [2, 4], "rgb(0 0 255)");
          seen.color = [10, 40, 42].map(at);
          replaceBackground(canvas, source, mask, [2, 4], red);
          seen.image = [10, 40, 42].map(at);
          blurBackground(canvas, source, mask, [2, 4], 8);
          seen.blur = [16, 40, 42].map(at);
          const painter = new BackgroundPainter(canvas, { classes: [1], background: "rgb(0 0 255)" });
          painter.paint(source, mask);
          painter.paint(source, mask);
          seen.other = [8, 10, 40].map(at);
          return seen;
        });
        const [white, black, blue] = [
          [255, 255, 255, 255],
          [0, 0, 0, 255],
          [0, 0, 255, 255],
        ];
        expect(levels.color).toEqual([blue, white, black]);
        expect(levels.image).toEqual([[255, 0, 0, 255], white, black]);
        expect(levels.other).toEqual([white, black, blue]);
        expect(levels.blur!.slice(1)).toEqual([white, black]);
        const [grey, , , alpha] = levels.blur![0]!;
        expect(alpha).toBe(255);
        expect(Math.abs(grey! - 127)).toBeLessThan(40);
      });

      test("a mask as a bitmap has the classes asked for", async () => {
        const levels = await page.evaluate(() => {
          const { maskBitmap } = (globalThis as unknown as Globals).attendseg;
          const palette = [
            [1, 2, 3],
            [40, 50, 60],
            [70, 80, 90],
          ] as const;
          const mask = { mask: Uint8Array.of(0, 1, 2), width: 3, height: 1 };
          const bitmap = maskBitmap(mask, palette, [1, 2]);
          const context = new OffscreenCanvas(3, 1).getContext("2d")!;
          context.drawImage(bitmap, 0, 0);
          bitmap.close();
          return [...context.getImageData(0, 0, 3, 1).data];
        });
        expect(levels).toEqual([0, 0, 0, 0, 40, 50, 60, 255, 70, 80, 90, 255]);
      });

      test(`a stream of ${FRAMES} video frames keeps their times and the memory`, async () => {
        if (!(await page.evaluate(() => typeof VideoFrame === "function"))) return;
        const run = (count: number) =>
          page.evaluate(async (frames) => {
            const { AsyncSegmenter, backgroundStream } = (globalThis as unknown as Globals).attendseg;
            const segmenter = await AsyncSegmenter.load("models/fixture.aseg");
            const canvas = new OffscreenCanvas(640, 480);
            const context = canvas.getContext("2d")!;
            let made = 0;
            const start = performance.now();
            const camera = new ReadableStream<VideoFrame>(
              {
                async pull(controller) {
                  const due = start + (made * 1000) / 30;
                  await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
                  context.fillStyle = `hsl(${made * 9} 70% 50%)`;
                  context.fillRect((made * 13) % 500, 90, 140, 240);
                  controller.enqueue(new VideoFrame(canvas, { timestamp: made * 33_333, duration: 33_333 }));
                  if (++made === frames) controller.close();
                },
              },
              { highWaterMark: 0 },
            );
            const reader = camera.pipeThrough(backgroundStream(segmenter, { classes: [1, 2] })).getReader();
            const seen: number[] = [];
            for (let part = await reader.read(); !part.done; part = await reader.read()) {
              seen.push(part.value.timestamp, part.value.codedWidth, part.value.duration ?? -1);
              part.value.close();
            }
            segmenter.dispose();
            return seen;
          }, count);
        await run(30);
        const before = await drive.settledMemory(page);
        const seen = await run(FRAMES);
        expect(seen).toEqual(Array.from({ length: FRAMES }, (_, at) => [at * 33_333, 640, 33_333]).flat());
        const grown = (await drive.settledMemory(page)) - before;
        if (process.env.FRAMES) process.stderr.write(`${candidate.name}: ${before} + ${grown} bytes\n`);
        // Firefox cannot be told to collect
        expect(grown).toBeLessThan(candidate.name === "firefox" ? LEAK : LEAK / 2);
      });
    },
  );
}
