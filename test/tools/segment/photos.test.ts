import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../tools/common/errors.js";
import { findPhotos } from "../../../tools/segment/photos.js";

const folder = mkdtempSync(join(tmpdir(), "attendseg-photos-"));
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
  findPhotos(words.map((word) => join(folder, word))).map(({ path, name, error }) => {
    return error === undefined ? [path.slice(folder.length + 1), name] : error.slice(folder.length + 1);
  });

describe("findPhotos", () => {
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
  ])("takes the pattern %s", (pattern, photos) => {
    expect(find(pattern)).toEqual(photos);
  });

  test("takes files as they are, in the order given, whether they are there or not", () => {
    expect(find("set/b.jpg", "gone.png", "odd/[1].png")).toEqual([
      ["set/b.jpg", "b"],
      ["gone.png", "gone"],
      ["odd/[1].png", "[1]"],
    ]);
    expect(findPhotos(["-"])).toEqual([{ path: "-", name: "stdin" }]);
  });

  test("says where there is nothing", () => {
    expect(find("none", "set/*.gif", "set/b.jpg")).toEqual([
      "none: there are no PNG or JPEG files",
      "set/*.gif: no PNG or JPEG file has such a name",
      ["set/b.jpg", "b"],
    ]);
  });

  test("refuses photos whose results would have one name", () => {
    expect(() => find("set", "set/b.jpg")).toThrow(UsageError);
    expect(() => find("set/deep/c.png", "set/deep/er/c.jpeg")).toThrow(
      /would both be written as c\.mask\.png/,
    );
    expect(find("set/a.PNG", "set/deep/er")).toEqual([
      ["set/a.PNG", "a"],
      ["set/deep/er/c.jpeg", "c"],
    ]);
  });
});
