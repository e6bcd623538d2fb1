import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chooseEvenly, findFrames } from "../../../tools/data/frames.js";
import { findClasses, matchClasses, readClasses, readLabels } from "../../../tools/data/labels.js";
import { Confusion } from "../../../tools/evaluate/index.js";
import { buildPng } from "../image/encode.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attendseg-evaluate-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("Confusion", () => {
  const names = ["Road", "Sky", "Void", "Car"];

  test("accuracy counts Void, the mean IoU leaves it and absent classes out", () => {
    const confusion = new Confusion(4);
    confusion.add(Uint8Array.of(0, 0, 0, 0, 1, 1), Uint8Array.of(0, 0, 0, 1, 1, 3));
    confusion.add(Uint8Array.of(2, 2, 2, 1), Uint8Array.of(2, 0, 0, 1));
    const metrics = confusion.metrics(names);
    expect(metrics.pixelAccuracy).toBe(6 / 10);
    expect(metrics.pixelAccuracyNoVoid).toBe(5 / 7);
    // Road: 3 of (4 labelled + 5 predicted - 3); Sky: 2 of (3 + 3 - 2).
    expect(metrics.meanIoU).toBe((3 / 6 + 2 / 4) / 2);
    expect(metrics.perClass).toEqual([
      { name: "Road", share: 0.4, accuracy: 3 / 4, iou: 3 / 6 },
      { name: "Sky", share: 0.3, accuracy: 2 / 3, iou: 2 / 4 },
      { name: "Void", share: 0.3, accuracy: 1 / 3, iou: 1 / 3 },
      { name: "Car", share: 0, accuracy: null, iou: null },
    ]);
  });

  test("without a class called Void both accuracies agree", () => {
    const confusion = new Confusion(2);
    confusion.add(Uint8Array.of(0, 1, 1), Uint8Array.of(0, 1, 0));
    const { pixelAccuracy, pixelAccuracyNoVoid } = confusion.metrics(["a", "b"]);
    expect(pixelAccuracy).toBe(2 / 3);
    expect(pixelAccuracyNoVoid).toBe(2 / 3);
  });
});

describe("classes", () => {
  test("are read in the order of their index and matched by name", () => {
    const path = write("classes.csv", "index,name,r,g,b\r\n1,Sky,1,2,3\r\n0,Road,4,5,6\r\n\r\n");
    const classes = readClasses(path);
    expect(classes).toEqual([
      { name: "Road", color: [4, 5, 6] },
      { name: "Sky", color: [1, 2, 3] },
    ]);
    const colors = matchClasses(classes, ["Sky", "Car", "Road"], path);
    expect([...colors.entries()]).toEqual([
      [0x040506, 2],
      [0x010203, 0],
    ]);
    expect(() => matchClasses(classes, ["Sky"], path)).toThrow(`${path}: the model has no class Road`);
  });

  test.each([
    ["", "the first line must name the columns"],
    ["name,r,g\nRoad,1,2\n", "the first line must name the columns"],
    ["name,r,g,b\nRoad,1,2\nSky,1,2,3\n", "line 2 has no name or no colour"],
    ["name,r,g,b\nRoad,1,2,3\n,1,2,3\n", "line 3 has no name or no colour"],
    ["name,r,g,b\nRoad,1,2,256\n", "line 2 has no name or no colour"],
    ["name,r,g,b\nRoad,1,2,3\n", "2 to 256 classes expected, got 1"],
    ["index,name,r,g,b\n0,Road,1,2,3\n2,Sky,1,2,4\n", "the column index must count from 0"],
  ])("%j is refused", (content, message) => {
    const path = write("classes.csv", content);
    expect(() => readClasses(path)).toThrow(`${path}: ${message}`);
  });

  test("two classes of one colour are refused", () => {
    const classes = [
      { name: "Road", color: [1, 2, 3] },
      { name: "Sky", color: [1, 2, 3] },
    ] as const;
    expect(() => matchClasses(classes, ["Road", "Sky"], "x")).toThrow("x: two classes have the colour 1,2,3");
  });

  test("lie in the folder of the labels or above it", () => {
    mkdirSync(join(folder, "labels"));
    expect(findClasses(join(folder, "labels"))).toBeUndefined();
    const above = write("classes.csv", "");
    expect(findClasses(join(folder, "labels"))).toBe(above);
    const own = write("labels/classes.csv", "");
    expect(findClasses(join(folder, "labels"))).toBe(own);
  });
});

describe("readLabels", () => {
  const colors = new Map([
    [0x0a0b0c, 7],
    [0x141414, 9],
  ]);

  test("gives class ids", async () => {
    const sample = (x: number, y: number, c: number) => (x === y ? 10 + c : 20);
    const path = write("a_L.png", buildPng({ width: 2, height: 2, depth: 8, type: 2, sample }));
    expect([...(await readLabels(path, colors)).data]).toEqual([7, 9, 9, 7]);
  });

  test("names the first pixel of an unknown colour", async () => {
    const sample = (x: number, y: number) => (x === 1 && y === 1 ? 21 : 20);
    const path = write("a_L.png", buildPng({ width: 3, height: 2, depth: 8, type: 0, sample }));
    await expect(readLabels(path, colors)).rejects.toThrow(
      `${path}: the colour 21,21,21 of pixel 1,1 belongs to no`,
    );
  });
});

describe("frames", () => {
  test("are the images of a folder, or those of a list in its order", () => {
    for (const name of ["b.JPG", "a.png", "notes.txt", "c.jpeg", "d.webp", "e.bmp", "f.tiff"])
      write(name, "");
    expect(findFrames(folder).map(({ name }) => name)).toEqual(["a", "b", "c", "d", "e", "f"]);
    const list = write("list.txt", "c\n\n  a.png \r\n");
    expect(findFrames(folder, list).map(({ path }) => path)).toEqual([
      join(folder, "c.jpeg"),
      join(folder, "a.png"),
    ]);
    const wrong = write("wrong.txt", "a\nz\n");
    expect(() => findFrames(folder, wrong)).toThrow(`${wrong}: z is not in ${folder}`);
    expect(() => findFrames(folder, write("empty.txt", "\n"))).toThrow("the list is empty");
    mkdirSync(join(folder, "none"));
    expect(() => findFrames(join(folder, "none"))).toThrow("there are no images");
  });

  test("spread evenly", () => {
    const items = Array.from({ length: 10 }, (_, at) => at);
    expect(chooseEvenly(items, 20)).toEqual(items);
    expect(chooseEvenly(items, 5)).toEqual([1, 3, 5, 7, 9]);
    expect(chooseEvenly(items, 1)).toEqual([5]);
  });
});
