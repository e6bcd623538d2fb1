import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { decode } from "fast-png";
import { describe, expect, test, vi } from "vitest";
import { Segmenter } from "../../../src/index.js";
import { expectFailure, FIXTURE, STREET, Workplace } from "../command.js";
import { buildPng, type PngParts } from "../image/encode.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();

describe("attendseg evaluate", () => {
  const NAMES = ["one", "other", "third"];

  /** A frame, and a label that is the fixture's own mask but for its first rows, so that the figures are known. */
  async function makeFrame(index: number) {
    const sample: PngParts["sample"] = (x, y, c) => (STREET.sample(x >> 1, y >> 1, c) + 60 * index) % 256;
    const rgb = Uint8Array.from({ length: 128 * 96 * 3 }, (_, at) => {
      return sample(Math.floor(at / 3) % 128, Math.floor(at / 384), at % 3);
    });
    const segmenter = await Segmenter.load(FIXTURE);
    const { mask } = segmenter.segment({ data: rgb, width: 128, height: 96 }, { width: 64, height: 48 });
    const labels = mask.map((id, at) => (at < 64 * 5 * (index + 1) ? 4 : id));
    const right = labels.filter((id, at) => id === mask[at]).length;
    return { sample, rgb, mask, labels, right, palette: segmenter.palette };
  }

  const SIZE = { width: 128, height: 96, depth: 8, type: 2 };
  const TOTAL = 64 * 48;

  /** Frames of twice the input's size: labels sampled at pixel centres are those of `makeFrame`. */
  async function makeDataSet(): Promise<number[]> {
    const rights: number[] = [];
    for (const [index, name] of NAMES.entries()) {
      const { sample, labels, right, palette } = await makeFrame(index);
      rights.push(right);
      const id = (x: number, y: number) => labels[(y >> 1) * 64 + (x >> 1)]!;
      place.write(`set/images/${name}.png`, buildPng({ ...SIZE, sample }));
      place.write(
        `set/labels/${name}_L.png`,
        buildPng({ ...SIZE, sample: (x, y, c) => palette[id(x, y)]![c]! }),
      );
      // The same with ids in another order: that of the classes in the file below.
      const other = (x: number, y: number) => 4 - id(x, y);
      place.write(`ids/grey/${name}.png`, buildPng({ ...SIZE, type: 0, sample: other }));
      const indexed = { ...SIZE, type: 3, depth: 4, palette: new Uint8Array(48), sample: other };
      place.write(`ids/indexed/${name}_L.png`, buildPng(indexed));
    }
    const rows = [4, 3, 2, 1, 0].map((id) => `class ${id},0,0,0`);
    place.write("ids/classes.csv", `name,r,g,b\n${rows.join("\n")}\n`);
    place.write("set/list.txt", "third\none.png\n");
    return rights;
  }

  /** The pictures of a report, in their order. */
  const decodePictures = (html: string) =>
    [...html.matchAll(/\bsrc="data:image\/png;base64,([^"]*)"/g)].map(([, data]) =>
      decode(Buffer.from(data!, "base64")),
    );

  const words = ["evaluate", place.model, "--images", "set/images", "--labels", "set/labels"];

  test("counts pixels by the model's own palette", async () => {
    const rights = await makeDataSet();
    const right = rights.reduce((sum, count) => sum + count, 0);
    const total = 3 * TOTAL;
    const { code, text, err } = place.run([...words, "--json"]);
    expect([code, err]).toEqual([0, ""]);
    const result = JSON.parse(text);
    expect(result).toMatchObject({ frames: 3, input: { width: 64, height: 48 }, variant: "simd" });
    expect(result.pixelAccuracy).toBeCloseTo(right / total, 12);
    expect(result.pixelAccuracyNoVoid).toBeCloseTo(right / total, 12);
    expect(result.msPerFrame).toBeGreaterThan(0);
    expect(result.perClass).toHaveLength(5);
    const listed = JSON.parse(place.run([...words, "--list", "set/list.txt", "--json"]).text);
    expect(listed.frames).toBe(2);
    expect(listed.perFrame).toEqual([
      { name: "third", pixelAccuracy: rights[2]! / TOTAL },
      { name: "one", pixelAccuracy: rights[0]! / TOTAL },
    ]);
    expect(place.run(words).text).toContain(`pixel accuracy  ${((100 * right) / total).toFixed(2)} %`);
  });

  test.each(["grey", "indexed"])("reads %s labels of class ids in the order of classes.csv", async (kind) => {
    const rights = await makeDataSet();
    const folders = ["--images", "set/images", "--labels", `ids/${kind}`];
    const { code, text, err } = place.run(["evaluate", place.model, ...folders, "--ids", "--json"]);
    expect([code, err]).toEqual([0, ""]);
    expect(JSON.parse(text).perFrame).toEqual(
      NAMES.map((name, index) => ({ name, pixelAccuracy: rights[index]! / TOTAL })),
    );
    place.write(
      "five/other_L.png",
      buildPng({ ...SIZE, type: 0, sample: (x, y) => (x === 3 && y === 2 ? 5 : 0) }),
    );
    place.write("five/one_L.png", buildPng(STREET));
    const run = (name: string) => {
      const list = place.write("five/list.txt", `${name}\n`);
      const rest = ["--labels", "five", "--list", list, "--ids"];
      return place.run(["evaluate", place.model, "--images", "set/images", ...rest]);
    };
    expectFailure(run("other"), 1, "five/other_L.png: pixel 3,2 is 5, but there are 5 classes");
    expectFailure(run("one"), 1, "five/one_L.png: the PNG file is not grey or indexed");
  });

  test("leaves out pixels whose id is 255, in the figures and in the report", async () => {
    await makeDataSet();
    const { mask } = await makeFrame(1);
    const isLabelled = (y: number) => y >= 40;
    const id = (x: number, y: number) => (isLabelled(y) ? mask[(y >> 1) * 64 + (x >> 1)]! : 255);
    place.write("partly/other_L.png", buildPng({ ...SIZE, type: 0, sample: id }));
    const list = place.write("partly/list.txt", "other\n");
    const folders = ["--images", "set/images", "--labels", "partly", "--list", list, "--ids"];
    const report = ["--report", "partly/report.html", "--examples", "1"];
    const { code, text, err } = place.run([...words.slice(0, 2), ...folders, ...report, "--json"]);
    expect([code, err]).toEqual([0, ""]);
    const result = JSON.parse(text);
    expect(result).toMatchObject({ pixelAccuracy: 1, meanIoU: 1, perFrame: [{ pixelAccuracy: 1 }] });
    const total = 64 * 28;
    for (const [at, { share }] of result.perClass.entries()) {
      expect(share).toBeCloseTo(mask.subarray(64 * 20).filter((each) => each === at).length / total, 12);
    }
    const html = readFileSync(join(place.folder, "partly/report.html"), "utf8");
    const [, label, , difference] = decodePictures(html);
    expect([...label!.data]).toEqual(
      Array.from({ length: 128 * 96 }, (_, at) =>
        Math.min(id(at % 128, at >> 7), label!.palette!.length - 1),
      ),
    );
    expect(label!.palette!.at(-1)).toEqual([255, 255, 255]);
    expect(difference!.data.filter((value) => value >= 254)).toHaveLength(0);
  });

  test("several models give one table", async () => {
    const rights = await makeDataSet();
    const other = place.write("other.aseg", FIXTURE);
    const both = ["evaluate", place.model, other, ...words.slice(2)];
    const { code, text, err } = place.run(both);
    expect([code, err]).toEqual([0, ""]);
    const lines = text.trim().split("\n");
    expect(lines).toHaveLength(4);
    const right = rights.reduce((sum, count) => sum + count, 0);
    const { info } = await Segmenter.load(FIXTURE);
    for (const [line, name] of [
      [lines[2], "attendseg-streets"],
      [lines[3], "other"],
    ]) {
      const cells = line!.split("|").map((cell) => cell.trim());
      expect(cells.slice(1, 3)).toEqual([name, `${((100 * right) / (3 * TOTAL)).toFixed(2)} %`]);
      expect(cells.slice(5, 7)).toEqual(
        [info.macs, info.parameters].map((count) => count.toLocaleString("en-US")),
      );
    }
    const { models } = JSON.parse(place.run([...both, "--json"]).text);
    const { macs, parameters, weightBytes, memoryBytes } = info;
    const facts = { macs, parameters, weightBytes, memoryBytes, fileBytes: FIXTURE.length };
    expect(models).toMatchObject([
      { ...facts, model: place.model, pixelAccuracy: right / (3 * TOTAL) },
      { ...facts, model: other },
    ]);
  });

  test("writes a report that needs no other file", async () => {
    const rights = await makeDataSet();
    const curves = place.write(
      "log.jsonl",
      '{"epoch": 1, "loss": 2.5}\n{"epoch": 4, "loss": 1.25, "accuracy": 0.5}\n{"ep',
    );
    const report = [...words, "--report", "it's.html", "--examples", "1", "--curves", curves];
    const { code, text, err } = place.run(report);
    expect([code, err]).toEqual([0, ""]);
    expect(text).toBe(
      `${place.run(words).text.replace(/time a frame.*\n$/, "")}${text.match(/time a frame.*\n/)![0]}report: it's.html\n`,
    );
    expect(readdirSync(place.folder).filter((name) => name.includes(".html"))).toEqual(["it's.html"]);
    const html = readFileSync(join(place.folder, "it's.html"), "utf8");
    const addresses = [...html.matchAll(/\b(?:src|href|action)="([^"]*)"/g)].map(([, address]) => address!);
    expect(addresses.every((address) => address.startsWith("data:image/png;base64,"))).toBe(true);
    expect(html).not.toMatch(/url\(|@import|<script|<link/);
    expect(html).toContain(`--report &#39;it&#39;\\&#39;&#39;s.html&#39; --examples 1`);
    const right = rights.reduce((sum, count) => sum + count, 0);
    expect(html).toContain(`<dd>${((100 * right) / (3 * TOTAL)).toFixed(2)} %</dd>`);
    expect(html.match(/<h3>.*<\/h3>/g)).toEqual(
      [2, 0].map((index) => `<h3>${NAMES[index]}: ${((100 * rights[index]!) / TOTAL).toFixed(1)} %</h3>`),
    );
    expect(html).toContain("training: 1.250");
    expect(html).toContain("pixel accuracy: 50.00");
    const images = decodePictures(html);
    expect(images).toHaveLength(8);
    for (const [at, index] of [2, 0].entries()) {
      const { rgb, labels, mask, palette } = await makeFrame(index);
      const [photo, label, predicted, difference] = images.slice(4 * at, 4 * at + 4);
      const double = (ids: Uint8Array) =>
        Array.from({ length: 128 * 96 }, (_, pixel) => ids[(pixel >> 8) * 64 + ((pixel % 128) >> 1)]!);
      expect(Buffer.compare(Buffer.from(photo!.data as Uint8Array), Buffer.from(rgb))).toBe(0);
      expect([...label!.data]).toEqual(double(labels));
      expect([...predicted!.data]).toEqual(double(mask));
      expect(predicted!.palette).toEqual(palette);
      const wrong = [...difference!.data].map((value) => Number(value === 255));
      expect(wrong).toEqual(double(mask.map((id, pixel) => Number(id !== labels[pixel]))));
    }
  });

  test("a report that cannot be written is refused before anything is run", async () => {
    await makeDataSet();
    const nowhere = ["--report", "nowhere/report.html"];
    expectFailure(place.run([...words, ...nowhere]), 1, "nowhere/report.html: there is no folder nowhere");
    expectFailure(place.run([...words, "--report", "-"]), 2, "--report takes a file");
    expectFailure(place.run([...words, "--curves", "x"]), 2, "--curves is for a report");
    const two = ["evaluate", place.model, ...words.slice(1), "--report", "x.html"];
    expectFailure(place.run(two), 2, "--report takes one model");
    const empty = place.write("empty.jsonl", "[1]\nnull\n7\n");
    expectFailure(
      place.run([...words, "--report", "x.html", "--curves", empty]),
      1,
      `${empty}: no line is a JSON object`,
    );
  });

  test("names a missing label, an unknown colour, another size and an unknown class", async () => {
    await makeDataSet();
    place.write("set/images/four.png", buildPng(STREET));
    expectFailure(place.run(words), 1, "attendseg: set/labels/four_L.png: there is no such label for");
    place.write("set/labels/four_L.png", buildPng({ ...STREET, sample: () => 77 }));
    expectFailure(
      place.run(words),
      1,
      "set/labels/four_L.png: the colour 77,77,77 of pixel 0,0 belongs to no class",
    );
    place.write("set/labels/four_L.png", buildPng({ ...STREET, type: 0, sample: () => 1 }));
    expectFailure(place.run(words), 1, "labels of class ids, as grey levels, want --ids");
    const { palette } = await Segmenter.load(FIXTURE);
    const narrow = { ...STREET, width: 89, sample: (_x: number, _y: number, c: number) => palette[0]![c]! };
    place.write("set/labels/four_L.png", buildPng(narrow));
    expectFailure(place.run(words), 1, "set/labels/four_L.png: 89x70, but its frame is 90x70");
    place.write("set/classes.csv", "name,r,g,b\nclass 1,77,77,77\nUnicorn,1,2,3\n");
    expectFailure(place.run(words), 1, "set/classes.csv: the model has no class Unicorn");
    expectFailure(place.run([...words, "--classes", "none.csv"]), 1, "none.csv: no such file or folder");
    expectFailure(place.run([...words, "--list", "none.txt"]), 1, "none.txt: no such file or folder");
    const elsewhere = ["evaluate", place.model, "--images", "none", "--labels", "set/labels"];
    expectFailure(place.run(elsewhere), 1, "none: no such file or folder");
  });
});

const CAMVID = resolve("../shared/camvid");
const MODEL = resolve("models/attendseg-camvid.aseg");

test.skipIf(!existsSync(CAMVID) || !existsSync(MODEL))(`evaluate reads ${CAMVID} as it is`, () => {
  const list = place.write("three.txt", "0001TP_009420\n0006R0_f01140\n0016E5_00600\n");
  const folders = [
    "--images",
    join(CAMVID, "701_StillsRaw_full"),
    "--labels",
    join(CAMVID, "LabeledApproved_full"),
  ];
  const { code, text, err } = place.run(["evaluate", MODEL, ...folders, "--list", list, "--json"]);
  expect([code, err]).toEqual([0, ""]);
  const result = JSON.parse(text);
  expect(result).toMatchObject({ frames: 3, input: { width: 512, height: 512 } });
  expect(result.perClass).toHaveLength(32);
  expect(result.pixelAccuracy).toBeGreaterThan(0.7);
  expect(result.pixelAccuracyNoVoid).toBeGreaterThan(result.pixelAccuracy);
});
