/** The demo page in real browsers, against masks made in Node. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { histogram, overlay, Segmenter } from "../../src/index.js";
import type { DecodedImage } from "../../tools/image/image.js";
import { decodePng } from "../../tools/image/png.js";
import { encodePng } from "../../tools/image/png-encode.js";
import { FIXTURE, Workplace } from "../tools/command.js";
import * as drive from "./drive.js";

/** Frames of the camera before memory is looked at, and while it is watched. */
const WARM_UP = 60;
const WATCHED = 200;
/** A leak of one frame of the camera (640x480 RGBA) at each frame would be twice this. */
const GROWTH = (WATCHED * 640 * 480 * 4) / 2;
const PATIENCE = 120_000;

/** An image with soft shapes, RGB, in which the fixture sees several classes. */
function drawShapes(width: number, height: number): DecodedImage {
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < data.length; at++) {
    const x = Math.floor(at / 3) % width;
    const y = Math.floor(at / 3 / width);
    const wave = Math.sin(x / 9) * Math.cos(y / 13 + (at % 3)) + Math.sin((x * y) / 900);
    data[at] = Math.round(127 + 60 * wave);
  }
  return { data, width, height, channels: 3 };
}

const IMAGE = drawShapes(300, 200);
const WIDE = drawShapes(410, 130);

for (const candidate of drive.BROWSERS) {
  describe.skipIf(!candidate.path)(`the page in ${drive.titleOf(candidate)}`, { timeout: PATIENCE }, () => {
    let place: Workplace;
    let browser: Browser;
    let isolated: { url: string; process: ChildProcess };
    let plain: { url: string; process: ChildProcess };
    let node: Segmenter;

    beforeAll(async () => {
      place = new Workplace();
      const cli = join(place.package, "dist/cli.js");
      isolated = await drive.startServe(cli, ["--model", place.model]);
      plain = await drive.startServe(cli, ["--model", place.model, "--no-isolate"]);
      node = await Segmenter.load(FIXTURE);
      browser = await drive.openBrowser(candidate);
    }, PATIENCE);

    afterAll(async () => {
      await browser?.close();
      for (const server of [isolated, plain]) server?.process.kill();
    });

    /** Opens the page and waits for the sample's legend. */
    async function open(url = isolated.url, width = 1280, height = 860): Promise<Page> {
      const page = await browser.newPage();
      await drive.resize(page, width, height);
      await page.evaluateOnNewDocument(drive.prepare);
      await page.goto(url);
      await settled(page, "street");
      return page;
    }

    async function settled(page: Page, name: string): Promise<void> {
      const ready = async () => {
        const status = await drive.textOf(page, "#status");
        return status.startsWith(name) && /\d ms\. /.test(status);
      };
      await drive.until(ready, `the mask of ${name}`);
    }

    async function drop(page: Page, name: string, image: DecodedImage): Promise<void> {
      await drive.dropFile(page, `${name}.png`, "image/png", encodePng(image));
      await settled(page, name);
    }

    /** Class ids that the page saves, found by their colours. */
    async function savedMask(page: Page): Promise<number[]> {
      const { data, width, height } = decodePng(await drive.saveBy(page, "#save-mask"));
      const ids = new Map(node.palette.map((color, id) => [String(color), id]));
      return Array.from(
        { length: width * height },
        (_, at) => ids.get(String(data.slice(3 * at, 3 * at + 3)))!,
      );
    }

    const violations = (page: Page) =>
      page.evaluate(() => (globalThis as unknown as { violations: string[] }).violations.slice());

    test("shows a sample at once, asks nobody else, and breaks no rule of the policy", async () => {
      const page = await browser.newPage();
      const requested: string[] = [];
      page.on("request", (request) => requested.push(request.url()));
      await page.evaluateOnNewDocument(drive.prepare);
      await page.goto(isolated.url);
      await settled(page, "street");
      expect(requested.filter((url) => !url.startsWith(isolated.url) && !url.startsWith("data:"))).toEqual(
        [],
      );
      expect(requested).toContain(`${isolated.url}street.jpg`);
      expect(await violations(page)).toEqual([]);
      await page.close();
    });

    test("a dropped image gets the mask of Node, byte for byte; the legend its shares", async () => {
      const page = await open();
      for (const [name, image] of [
        ["first", IMAGE],
        ["second", WIDE],
      ] as const) {
        await drop(page, name, image);
        const { mask } = node.segment(image);
        expect(await savedMask(page)).toEqual([...mask]);
        const saved = decodePng(await drive.saveBy(page, "#save-overlay"));
        expect(Buffer.from(saved.data)).toEqual(Buffer.from(overlay(image, mask, node.palette, 0.55)));

        const counts = [...histogram(mask, node.classes.length)];
        const order = counts.map((_, id) => id).sort((a, b) => counts[b]! - counts[a]! || a - b);
        const expected = order
          .filter((id) => counts[id]! > 0)
          .map((id) => `${node.classes[id]}${((100 * counts[id]!) / mask.length).toFixed(1)} %`);
        const rows = await page.evaluate(() =>
          [...document.querySelectorAll("#legend li")].map((row) => row.textContent),
        );
        expect(rows).toEqual(expected);
        expect(rows.length).toBeGreaterThan(2);
      }
      expect(await violations(page)).toEqual([]);
      await page.close();
    });

    test("the pointer and the arrow keys name the class below", async () => {
      const page = await open();
      await drop(page, "photo", IMAGE);
      const { mask } = node.segment(IMAGE);
      const nameAt = (column: number, row: number) => node.classes[mask[row * IMAGE.width + column]!]!;
      const box = await page.evaluate(() => {
        const { left, top, width, height } = document.querySelector("#stage")!.getBoundingClientRect();
        return { left, top, width, height };
      });
      for (const [column, row] of [
        [12, 170],
        [150, 100],
        [288, 31],
      ] as const) {
        const x = box.left + ((column + 0.5) / IMAGE.width) * box.width;
        await page.mouse.move(x, box.top + ((row + 0.5) / IMAGE.height) * box.height);
        const text = await drive.until(() => drive.textOf(page, "#probe"), "the probe");
        const [, name, c, r] = /^(.+) at (\d+), (\d+)$/.exec(text)!;
        expect([Math.abs(Number(c) - column), Math.abs(Number(r) - row)].every((off) => off <= 1)).toBe(true);
        expect(name).toBe(nameAt(Number(c), Number(r)));
        expect(await drive.textOf(page, "#tip")).toBe(name);
      }
      await page.focus("#stage");
      await page.keyboard.press("Home");
      expect(await drive.textOf(page, "#spoken")).toBe(`${nameAt(150, 100)} at 150, 100`);
      await page.keyboard.press("ArrowLeft");
      const text = await drive.textOf(page, "#spoken");
      const column = Number(/(\d+), 100$/.exec(text)![1]);
      expect(column).toBeLessThan(150);
      expect(text).toBe(`${nameAt(column, 100)} at ${column}, 100`);
      await page.close();
    });

    test("a file that is no image is named, and the page goes on", async () => {
      const page = await open();
      await drive.dropFile(page, "notes.png", "image/png", new TextEncoder().encode("no picture"));
      await drive.until(() => drive.textOf(page, "#error"), "an error");
      expect(await drive.textOf(page, "#error")).toBe("notes.png is no picture that this browser can read.");
      await drive.dropFile(page, "broken.aseg", "", FIXTURE.slice(0, 500));
      await drive.until(
        async () => /^(?!notes)./.test(await drive.textOf(page, "#error")),
        "the error of the model",
      );
      await drive.dropFile(page, "own.aseg", "", FIXTURE);
      await settled(page, "street");
      await drop(page, "photo", IMAGE);
      expect(await savedMask(page)).toEqual([...node.segment(IMAGE).mask]);
      await page.close();
    });

    test("input size and build can be chosen", async () => {
      const page = await open();
      await drop(page, "photo", IMAGE);
      await page.select("#variant", "scalar");
      const builds = () => drive.textOf(page, "#facts");
      await drive.until(async () => (await builds()).includes("scalar"), "the scalar build");
      await settled(page, "photo");
      expect(await savedMask(page)).toEqual([...node.segment(IMAGE).mask]);
      await page.select("#size", "256x256");
      const larger = await Segmenter.load(FIXTURE, { width: 256, height: 256 });
      const expected = [...larger.segment(IMAGE).mask];
      await settled(page, "photo");
      expect(await savedMask(page)).toEqual(expected);
      await page.close();
    });

    test(`a camera runs ${WATCHED} frames in the same memory, and stops`, async () => {
      const page = await open();
      await page.bringToFront();
      await page.click("#camera");
      const frames = async () => Number(await drive.textOf(page, "#frames"));
      const closed = () =>
        page.evaluate(() => (globalThis as unknown as { closedFrames: number }).closedFrames);
      await drive.until(async () => (await frames()) >= WARM_UP, "the first frames", PATIENCE);
      const [framesBefore, closedBefore] = [await frames(), await closed()];
      const memory = await drive.settledMemory(page);
      await drive.until(async () => (await frames()) >= framesBefore + WATCHED, "100 frames more", PATIENCE);
      const grown = (await drive.settledMemory(page)) - memory;
      const ended = await closed();
      // one frame may be on its way
      expect(ended - closedBefore).toBeGreaterThanOrEqual(WATCHED - 1);
      if (process.env.SCREENSHOTS) process.stderr.write(`${candidate.name}: ${memory} + ${grown} bytes\n`);
      expect(grown).toBeLessThan(GROWTH);

      await page.click("#stop");
      expect(await drive.textOf(page, "#status")).toBe("Stopped.");
      const last = await closed();
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect((await closed()) - last).toBeLessThanOrEqual(1);
      await drop(page, "photo", IMAGE);
      expect(await savedMask(page)).toEqual([...node.segment(IMAGE).mask]);
      expect(await violations(page)).toEqual([]);
      await page.close();
    });

    test("with isolation threads can be chosen and give the same mask; without, the page says why not", async () => {
      const page = await open();
      const options = await page.evaluate(() => {
        const select = document.querySelector("#threads") as HTMLSelectElement;
        return { disabled: select.disabled, values: [...select.options].map(({ value }) => value) };
      });
      expect(options.disabled).toBe(false);
      await drop(page, "photo", IMAGE);
      const threads = options.values.at(-1)!;
      await page.select("#threads", threads);
      await settled(page, "photo");
      expect(await drive.textOf(page, "#facts")).toContain(`Threads in use${threads}`);
      expect(await drive.textOf(page, "#threads-note")).toBe("");
      expect(await savedMask(page)).toEqual([...node.segment(IMAGE).mask]);
      expect(await violations(page)).toEqual([]);
      await page.close();

      const other = await open(plain.url);
      expect(await other.evaluate(() => crossOriginIsolated)).toBe(false);
      expect(
        await other.evaluate(() => (document.querySelector("#threads") as HTMLSelectElement).disabled),
      ).toBe(true);
      expect(await drive.textOf(other, "#threads-note")).toMatch(/Cross-Origin-Opener-Policy/);
      await drop(other, "photo", IMAGE);
      expect(await savedMask(other)).toEqual([...node.segment(IMAGE).mask]);
      await other.close();
    });

    test("fits a telephone and names every control", async () => {
      for (const [name, width, height] of [
        ["desktop", 1280, 860],
        ["phone", 390, 844],
      ] as const) {
        const page = await open(isolated.url, width, height);
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        ).toBeLessThanOrEqual(0);
        const unnamed = await page.evaluate(() =>
          [...document.querySelectorAll<HTMLInputElement>("button, select, input:not([hidden])")]
            .filter((it) => !(it.textContent?.trim() || it.ariaLabel || it.labels?.[0]?.textContent?.trim()))
            .map((it) => it.id),
        );
        expect(unnamed).toEqual([]);
        const path = drive.screenshotPath(`${candidate.name}-${name}`);
        if (path) await page.screenshot({ path: path as `${string}.png`, fullPage: width < 500 });
        await page.close();
      }
    });
  });
}
