import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../../tools/common/errors.js";
import { listFolder, makeFolder, readBytes, stem, writeBytes } from "../../../tools/common/files.js";

const isRoot = process.getuid?.() === 0;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attendseg-files-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("writeBytes", () => {
  test("writes the file, replaces an old one, leaves nothing else", () => {
    const path = join(folder, "a.bin");
    writeBytes(path, Uint8Array.of(1, 2, 3));
    writeBytes(path, Uint8Array.of(4));
    expect([...readFileSync(path)]).toEqual([4]);
    expect(readdirSync(folder)).toEqual(["a.bin"]);
  });

  test.each([
    ["missing/a.bin", "no such file or folder"],
    ["folder", "is a folder, not a file"],
    ["file/a.bin", "is not a folder"],
    [`${"n".repeat(300)}.bin`, "the name is too long"],
  ])("to %s fails in one line and leaves nothing behind", (name, reason) => {
    mkdirSync(join(folder, "folder"));
    writeFileSync(join(folder, "file"), "");
    const path = join(folder, name);
    expect(() => writeBytes(path, Uint8Array.of(1))).toThrow(new UserError(`${path}: ${reason}`));
    expect(readdirSync(folder).sort()).toEqual(["file", "folder"]);
    expect(readdirSync(join(folder, "folder"))).toEqual([]);
  });

  test.skipIf(isRoot)("into a folder without permission", () => {
    chmodSync(folder, 0o500);
    expect(() => writeBytes(join(folder, "a.bin"), Uint8Array.of(1))).toThrow("permission denied");
    chmodSync(folder, 0o700);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("reading", () => {
  test("names what is wrong with the file", () => {
    const path = join(folder, "a.bin");
    expect(() => readBytes(path)).toThrow(new UserError(`${path}: no such file or folder`));
    expect(() => readBytes(folder)).toThrow(new UserError(`${folder}: is a folder, not a file`));
    symlinkSync("loop", join(folder, "loop"));
    expect(() => readBytes(join(folder, "loop"))).toThrow("too many links");
    expect(() => listFolder(path)).toThrow(new UserError(`${path}: no such file or folder`));
    writeFileSync(path, "x");
    expect(() => listFolder(path)).toThrow(new UserError(`${path}: is not a folder`));
    expect(() => makeFolder(path)).toThrow(UserError);
    expect(() => makeFolder(join(path, "b"))).toThrow(UserError);
  });

  test.skipIf(isRoot)("a file without permission", () => {
    const path = join(folder, "secret");
    writeFileSync(path, "x");
    chmodSync(path, 0);
    expect(() => readBytes(path)).toThrow(new UserError(`${path}: permission denied`));
  });
});

test("stem", () => {
  expect(["a/b.jpg", "c.tar.gz", "noext", "/d/.hidden"].map(stem)).toEqual([
    "b",
    "c.tar",
    "noext",
    ".hidden",
  ]);
});
