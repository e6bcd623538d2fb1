/** The library's browser entry in real browsers, under the strict policy: worker, abort, progress, stream, errors. */
import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as Library from "../../src/browser/index.js";
import { Segmenter } from "../../src/index.js";
import { encodePng } from "../../tools/image/png-encode.js";
import { type RunningServer, startServer } from "../../tools/serve/server.js";
import { FIXTURE } from "../tools/command.js";
import * as drive from "./drive.js";

const PATIENCE = 120_000;
const MODEL = "models/fixture.aseg";

/** What the test page has made of the package. */
type Globals = { attendseg: typeof Library; violations: string[] };

/** An image of 80x60, RGBA, opaque. */
const LEVELS = Array.from({ length: 80 * 60 * 4 }, (_, at) => {
  return at % 4 === 3 ? 255 : (at * at * 7 + (at >> 5) * 31) % 256;
});

for (const candidate of drive.BROWSERS) {
  describe.skipIf(!candidate.path)(
    `attendseg/browser in ${drive.titleOf(candidate)}`,
    { timeout: PATIENCE },
    () => {
      let server: RunningServer;
      let browser: Browser;
      let page: Page;
      let expected: number[];

      beforeAll(async () => {
        const root = mkdtempSync(join(tmpdir(), "attendseg-browser-"));
        for (const name of ["browser.js", "worker.js"]) copyFileSync(join("dist", name), join(root, name));
        writeFileSync(
          join(root, "index.html"),
          '<!doctype html><script type="module" src="test.js"></script>',
        );
        writeFileSync(join(root, "test.js"), 'globalThis.attendseg = await import("./browser.js");');
        const image = { data: Uint8Array.from(LEVELS), width: 80, height: 60, channels: 4 } as const;
        writeFileSync(join(root, "photo.png"), encodePng(image));
        const model = join(root, "fixture.aseg");
        writeFileSync(model, FIXTURE);
        server = await startServer({ root, models: [model], host: "127.0.0.1", port: 0, isolate: true });
        browser = await drive.openBrowser(candidate);
        page = await browser.newPage();
        await page.evaluateOnNewDocument(drive.prepare);
        await page.goto(server.url);
        await drive.until(() => page.evaluate(() => "attendseg" in globalThis), "the library");
        const node = await Segmenter.load(FIXTURE);
        expected = [...node.segment(image).mask];
      }, PATIENCE);

      afterAll(async () => {
        await browser?.close();
        await server?.close();
      });

      test("every kind of image gives the mask of Node", async () => {
        const masks = await page.evaluate(
          async (model, levels) => {
            const { AsyncSegmenter, readImage } = (globalThis as unknown as Globals).attendseg;
            const segmenter = await AsyncSegmenter.load(model);
            const image = new ImageData(Uint8ClampedArray.from(levels), 80, 60);
            const canvas = Object.assign(document.createElement("canvas"), { width: 80, height: 60 });
            canvas.getContext("2d")!.putImageData(image, 0, 0);
            const offscreen = new OffscreenCanvas(80, 60);
            offscreen.getContext("2d")!.putImageData(image, 0, 0);
            const element = Object.assign(new Image(), { src: "photo.png" });
            await element.decode();
            const sources = {
              imageData: image,
              canvas,
              offscreen,
              bitmap: await createImageBitmap(canvas),
              pixels: readImage(canvas),
              element,
              ...(typeof VideoFrame === "function" && { frame: new VideoFrame(canvas, { timestamp: 0 }) }),
            };
            const results: Record<string, number[]> = {};
            for (const [name, source] of Object.entries(sources)) {
              results[name] = [...(await segmenter.segmentAsync(source as ImageData)).mask];
            }
            segmenter.dispose();
            return results;
          },
          MODEL,
          LEVELS,
        );
        expect(Object.keys(masks).length).toBeGreaterThanOrEqual(6);
        for (const [name, mask] of Object.entries(masks)) expect([name, mask]).toEqual([name, expected]);
      });

      test("an abort ends the run between operations, and the next image is right", async () => {
        const result = await page.evaluate(async (model) => {
          const { AsyncSegmenter } = (globalThis as unknown as Globals).attendseg;
          const segmenter = await AsyncSegmenter.load(model, {
            width: 1024,
            height: 1024,
            variant: "scalar",
          });
          const image = new ImageData(1024, 1024);
          const controller = new AbortController();
          const seen: number[] = [];
          let total = 0;
          let reason = "";
          await segmenter
            .segmentAsync(image, {
              signal: controller.signal,
              onProgress: (done, all) => {
                seen.push(done);
                total = all;
                if (seen.length === 2) controller.abort();
              },
            })
            .catch((error) => {
              reason = error.name;
            });
          const whole = await segmenter.segmentAsync(image);
          return { seen, total, reason, pixels: whole.mask.length, threads: segmenter.info.threads };
        }, MODEL);
        expect(result).toMatchObject({ reason: "AbortError", pixels: 1024 * 1024 });
        expect(result.seen).toHaveLength(2);
        expect(result.seen[1]).toBeGreaterThan(result.seen[0]!);
        expect(result.seen[1]).toBeLessThan(result.total);
      });

      test("a stream over a video gives frames with masks of their size, and ends when left", async () => {
        const result = await page.evaluate(async (model) => {
          const { AsyncSegmenter, segmentStream } = (globalThis as unknown as Globals).attendseg;
          const segmenter = await AsyncSegmenter.load(model);
          const video = Object.assign(document.createElement("video"), { muted: true });
          video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
          await video.play();
          const sizes: number[][] = [];
          for await (const { frame, mask, width, height } of segmentStream(segmenter, video, {
            maxSide: 320,
          })) {
            sizes.push([
              (frame as ImageBitmap).width,
              (frame as ImageBitmap).height,
              width,
              height,
              mask.length,
            ]);
            if (sizes.length === 5) break;
          }
          const signal = AbortSignal.timeout(200);
          let ending = "";
          try {
            for await (const _ of segmentStream(segmenter, video, { signal }));
          } catch (error) {
            ending = (error as Error).name;
          }
          segmenter.dispose();
          return { sizes, ending };
        }, MODEL);
        expect(result.sizes).toEqual(Array(5).fill([320, 240, 320, 240, 320 * 240]));
        expect(result.ending).toBe("TimeoutError");
      });

      test("an overlay is the image and the colours by opacity", async () => {
        const levels = await page.evaluate(() => {
          const { drawOverlay } = (globalThis as unknown as Globals).attendseg;
          const source = new OffscreenCanvas(2, 1);
          const context = source.getContext("2d")!;
          context.fillStyle = "rgb(200 100 0)";
          context.fillRect(0, 0, 2, 1);
          const canvas = document.createElement("canvas");
          const mask = { mask: Uint8Array.of(0, 1), width: 2, height: 1 };
          const palette = [
            [0, 0, 0],
            [100, 200, 50],
          ] as const;
          drawOverlay(canvas, source, mask, palette, 0.25);
          return [...canvas.getContext("2d")!.getImageData(0, 0, 2, 1).data];
        });
        const wanted = [150, 75, 0, 255, 175, 125, 12.5, 255];
        levels.forEach((value, at) => {
          expect(Math.abs(value - wanted[at]!)).toBeLessThanOrEqual(1);
        });
      });

      test("errors of the worker arrive as what they are", async () => {
        const errors = await page.evaluate(async (model) => {
          const { AsyncSegmenter } = (globalThis as unknown as Globals).attendseg;
          const attempts = [
            () => AsyncSegmenter.load("models/none.aseg"),
            () => AsyncSegmenter.load(new Uint8Array(100)),
            () => AsyncSegmenter.load(model, { width: 65 }),
            () => AsyncSegmenter.load(model, { worker: new Worker("none.js", { type: "module" }) }),
            async () => {
              const segmenter = await AsyncSegmenter.load(model);
              segmenter.dispose();
              await segmenter.segmentAsync(new ImageData(8, 8));
            },
          ];
          const names: string[] = [];
          for (const attempt of attempts) {
            await attempt().then(
              () => names.push("no error"),
              (error) => names.push(`${error.name}: ${error.message}`),
            );
          }
          return names;
        }, MODEL);
        expect(errors).toEqual([
          expect.stringMatching(/^EnvironmentError: cannot fetch .*none\.aseg: 404/),
          expect.stringMatching(/^ModelError: /),
          'RangeError: "width" expected a multiple of 8, got 65',
          expect.stringMatching(/^EnvironmentError: the worker script could not be loaded/),
          "Error: this segmenter has been disposed",
        ]);
      });

      test("nothing of this broke the policy", async () => {
        expect(await page.evaluate(() => (globalThis as unknown as Globals).violations.slice())).toEqual([]);
      });
    },
  );
}
