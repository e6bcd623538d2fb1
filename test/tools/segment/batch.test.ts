import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { Segmenter } from "../../../src/index.js";
import { writeModel } from "../../../tools/convert/aseg/write.js";
import { buildFixture } from "../../fixtures/fixture.js";
import { FIXTURE, Workplace } from "../command.js";
import { buildPng } from "../image/encode.js";

const GOOD = 195;
const BROKEN: Readonly<Record<string, readonly [content: string | Uint8Array, reason: string]>> = {
  "a/cut.png": [png(7).subarray(0, 90), "the PNG file is cut off"],
  "b/empty.jpg": ["", "the file is empty"],
  "b/page.png": ["<!doctype html>", "this is an HTML page; read are"],
  "model.jpg": [FIXTURE, "this is a model file; read are"],
  "noise.png": [
    Uint8Array.from({ length: 500 }, (_, at) => (at * 7919) >> 3),
    "this is no image that is known here",
  ],
};

/** Level of a pixel of the photo with this number. */
function level(index: number, x: number, y: number, channel: number): number {
  return (x * (3 + (index % 5)) + y * 4 + channel * 40 + ((x >> 3) ^ (y >> 2)) * (11 + index)) % 256;
}

function sizeOf(index: number): { width: number; height: number } {
  return { width: 40 + (index % 17), height: 30 + (index % 11) };
}

function png(index: number): Uint8Array {
  return buildPng({
    ...sizeOf(index),
    depth: 8,
    type: 2,
    sample: (x, y, channel) => level(index, x, y, channel),
  });
}

/** 200 photos in three folders, 5 of them broken: their names without extension in the order of their paths. */
function makePhotos(place: Workplace): { names: string[]; failed: string[] } {
  const names = Array.from({ length: GOOD }, (_, index) => `${["", "a/", "b/"][index % 3]}photo${index}`);
  names.forEach((name, index) => {
    place.write(`photos/${name}.png`, png(index));
  });
  for (const [name, [content]] of Object.entries(BROKEN)) place.write(`photos/${name}`, content);
  return { names, failed: Object.keys(BROKEN).sort() };
}

/** All files below a folder of results, by path. */
function results(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const maskOf = (folder: string, name: string) => join(folder, `${name}.mask.png`);
const overlayOf = (folder: string, name: string) => join(folder, `${name}.overlay.png`);

/** Expects both results of every photo, each the library's, and nothing else. */
async function expectAll(folder: string, names: readonly string[]): Promise<void> {
  const expected = names.flatMap((name) => [maskOf(folder, name), overlayOf(folder, name)]);
  expect(results(folder).sort()).toEqual(expected.sort());
  using segmenter = await Segmenter.load(FIXTURE);
  for (const [index, name] of names.entries()) {
    const { width, height } = sizeOf(index);
    const data = new Uint8Array(width * height * 3);
    for (let at = 0; at < data.length; at++) {
      const pixel = Math.floor(at / 3);
      data[at] = level(index, pixel % width, Math.floor(pixel / width), at % 3);
    }
    const written = decode(readFileSync(maskOf(folder, name)));
    expect([...written.data], name).toEqual([...segmenter.segment({ data, width, height }).mask]);
  }
}

describe("200 photos, 5 of them broken", () => {
  const place = new Workplace();
  const { names, failed } = makePhotos(place);
  const errors = failed.map((name) => `attendseg: photos/${name}: ${BROKEN[name]![1]}`);

  test("195 masks, 5 named errors in the order of the photos, exit code 1", async () => {
    const { code, text, err } = place.run(["segment", "photos", "-o", "out", "--jobs", "3"]);
    expect(code).toBe(1);
    const lines = err.trimEnd().split("\n");
    lines.forEach((line, index) => {
      expect(line.startsWith(errors[index]!), line).toBe(true);
    });
    expect(lines).toHaveLength(5);
    await expectAll(join(place.folder, "out"), names);
    const photos = text.trimEnd().split("\n");
    expect(photos.pop()).toBe("195 photos segmented, 5 failed");
    const paths = photos.map((line) => line.split(": ")[0]!);
    expect(paths).toEqual([...names.map((name) => `photos/${name}.png`)].sort());
    expect(photos[0]).toMatch(/^photos\/a\/photo1\.png: 41x31, [\d.]+ ms, class \d [\d.]+ %$/);
  }, 120_000);

  test("one thread writes the same files as several", () => {
    const { code } = place.run(["segment", "photos/b", "photos/a/cut.png", "-o", "single", "--jobs", "1"]);
    expect(code).toBe(1);
    for (const name of names.filter((name) => name.startsWith("b/"))) {
      for (const pathOf of [maskOf, overlayOf]) {
        const single = readFileSync(pathOf(join(place.folder, "single"), name.slice(2)));
        expect(Buffer.compare(single, readFileSync(pathOf(join(place.folder, "out"), name)))).toBe(0);
      }
    }
  }, 60_000);

  test("killed halfway, it leaves no half-written result, and --resume does the rest and only that", async () => {
    const folder = join(place.folder, "killed");
    const words = ["segment", "photos", "-o", "killed", "--jobs", "2"];
    const child = spawn(process.execPath, [join(place.package, "dist/cli.js"), ...words], {
      cwd: place.folder,
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.on("exit", (_, signal) => resolve(signal)));
    while (results(folder).length < GOOD) await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill("SIGKILL");
    expect(await ended).toBe("SIGKILL");

    const left = results(folder).filter((path) => path.endsWith(".png"));
    expect(left.length).toBeLessThan(2 * GOOD);
    for (const path of left) expect(decode(readFileSync(path)).width).toBeGreaterThan(0);
    const done = names.filter(
      (name) => left.includes(maskOf(folder, name)) && left.includes(overlayOf(folder, name)),
    );
    const timesOf = () => done.map((name) => statSync(overlayOf(folder, name)).mtimeMs);
    const before = timesOf();
    // what a process that was killed in the middle of writing leaves behind
    const { pid } = spawnSync(process.execPath, ["--version"]);
    writeFileSync(join(folder, "a", `.photo1.mask.png.${pid}.tmp`), "half");

    const { code, text, err } = place.run([...words, "--resume"]);
    expect(code).toBe(1);
    expect(err.trimEnd().split("\n")).toHaveLength(5);
    expect(text).toContain(
      `${GOOD - done.length} photos segmented, ${done.length} were done before, 5 failed\n`,
    );
    expect(timesOf()).toEqual(before);
    await expectAll(folder, names);
  }, 120_000);

  test("--resume does again what is older than its photo, or made with another model or other options", () => {
    const words = ["segment", "photos/a", "-o", "again", "--resume", "--json"];
    const skipped = (...more: string[]) => {
      const { photos } = JSON.parse(place.run([...words, ...more]).text) as {
        photos: { photo: string; skipped?: boolean }[];
      };
      return photos.filter((photo) => photo.skipped).map(({ photo }) => photo);
    };
    const all = names
      .filter((name) => name.startsWith("a/"))
      .map((name) => `photos/${name}.png`)
      .sort();
    expect(skipped()).toEqual([]);
    expect(skipped()).toEqual(all);
    const { metadata, ...rest } = buildFixture();
    const other = place.write(
      "other.aseg",
      writeModel({ ...rest, metadata: { ...metadata, name: "other" } }),
    );
    const later = new Date(Date.now() + 60_000);
    utimesSync(join(place.folder, all[0]!), later, later);
    expect(skipped()).toEqual(all.slice(1));
    expect(skipped()).toEqual(all.slice(1));
    for (const more of [
      ["--size", "128x96"],
      ["--opacity", "0.3"],
      ["-m", other],
      ["--classes", "class 1"],
    ]) {
      expect(skipped(...more), more.join(" ")).toEqual([]);
    }
  }, 60_000);

  test.each([
    [["--resume", "-o", "-"], "-o - takes one photo and no --json or --resume"],
    [["--jobs", "0"], "Expected a number from 1 to 256"],
    [["--jobs", "1.5"], "Expected a whole number"],
  ])("%j is used wrongly: exit code 2", (words, line) => {
    const { code, err } = place.run(["segment", "photos/photo0.png", ...words]);
    expect([code, err]).toEqual([2, expect.stringContaining(line)]);
  });
});
