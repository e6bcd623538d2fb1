import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../tools/common/errors.js";
import { encodePng } from "../../../tools/image/png-encode.js";
import { describeLeftOut, findImages } from "../../../tools/segment/find.js";
import { markOf } from "../../../tools/segment/marks.js";

const folder = mkdtempSync(join(tmpdir(), "attendseg-images-"));
const FILES = [
  "set/b.jpg",
  "set/a.PNG",
  "set/a.mask.png",
  "set/a.overlay.png",
  "set/notes.txt",
  "set/.hidden.png",
  "set/deep/er/c.jpeg",
  "set/deep/c.png",
  "odd/[1].png",
  "none/readme",
];
for (const file of FILES) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), "");
}
symlinkSync(join(folder, "set"), join(folder, "set/deep/loop"));
symlinkSync(join(folder, "odd/[1].png"), join(folder, "set/deep/link.png"));

/** Paths below the folder with the names of their results. */
const find = (...words: string[]) =>
  findImages(words.map((word) => join(folder, word))).files.map(({ path, name, error }) => {
    return error === undefined
      ? [path.slice(folder.length + 1), name]
      : error.message.slice(folder.length + 1);
  });

describe("findImages", () => {
  test("counts what it leaves out, by what it is", () => {
    const { leftOut } = findImages([join(folder, "set"), join(folder, "none")]);
    expect(Object.fromEntries(leftOut)).toEqual({
      "results of attendseg": 2,
      TXT: 1,
      hidden: 1,
      "called readme": 1,
    });
    expect(describeLeftOut(leftOut)).toBe(
      "5 files skipped: 2 results of attendseg, 1 hidden, 1 TXT, 1 called readme",
    );
  });

  test("knows results by their mark, whatever they are called", () => {
    const image = { data: new Uint8Array(3), width: 1, height: 1, channels: 3 as const };
    writeFileSync(join(folder, "set/deep/er/holiday.png"), encodePng(image, undefined, markOf(1)));
    const { files, leftOut } = findImages([join(folder, "set/deep/er")]);
    expect(files.map(({ name }) => name)).toEqual(["c"]);
    expect([...leftOut]).toEqual([["results of attendseg", 1]]);
    expect(findImages([join(folder, "set/deep/er/holiday.png")]).files).toEqual([]);
    rmSync(join(folder, "set/deep/er/holiday.png"));
  });

  test("keeps the extension in the names of images that differ in nothing else", () => {
    expect(find("set/deep/c.png", "set/deep/er/c.jpeg", "set/b.jpg")).toEqual([
      ["set/deep/c.png", "c.png"],
      ["set/deep/er/c.jpeg", "c.jpeg"],
      ["set/b.jpg", "b"],
    ]);
  });

  test("takes files of a list as they are, with any character in their names", () => {
    const { files } = findImages([], ["a*b.png", "line\nfeed.jpg"]);
    expect(files).toEqual([
      { path: "a*b.png", name: "a*b" },
      { path: "line\nfeed.jpg", name: "line\nfeed" },
    ]);
  });

  test("takes a folder with all below it, but no results, hidden files or loops", () => {
    expect(find("set")).toEqual([
      ["set/a.PNG", "a"],
      ["set/b.jpg", "b"],
      ["set/deep/c.png", "deep/c"],
      ["set/deep/er/c.jpeg", "deep/er/c"],
      ["set/deep/link.png", "deep/link"],
    ]);
  });

  test.each([
    [
      "set/*",
      [
        ["set/a.PNG", "a"],
        ["set/b.jpg", "b"],
      ],
    ],
    ["set/*.jpg", [["set/b.jpg", "b"]]],
    [
      "set/**/*.{jpg,jpeg}",
      [
        ["set/b.jpg", "b"],
        ["set/deep/er/c.jpeg", "deep/er/c"],
      ],
    ],
    ["*/deep/?.png", [["set/deep/c.png", "set/deep/c"]]],
  ])("takes the pattern %s", (pattern, images) => {
    expect(find(pattern)).toEqual(images);
  });

  test("takes files as they are, in the order given, whether they are there or not", () => {
    expect(find("set/b.jpg", "gone.png", "odd/[1].png")).toEqual([
      ["set/b.jpg", "b"],
      ["gone.png", "gone"],
      ["odd/[1].png", "[1]"],
    ]);
    expect(findImages(["-"]).files).toEqual([{ path: "-", name: "stdin" }]);
  });

  test("says where there is nothing", () => {
    expect(find("none", "set/*.gif", "set/b.jpg")).toEqual([
      "none: there are no images",
      "set/*.gif: no image has such a name",
      ["set/b.jpg", "b"],
    ]);
  });

  test("refuses images whose results would have one name", () => {
    expect(() => find("set", "set/b.jpg")).toThrow(UsageError);
    expect(() => find("set/deep/c.png", "set/b.jpg", "set/deep/c.png")).toThrow(
      /would both be written as c\.png\.mask\.png/,
    );
    expect(find("set/a.PNG", "set/deep/er")).toEqual([
      ["set/a.PNG", "a"],
      ["set/deep/er/c.jpeg", "c"],
    ]);
  });
});
