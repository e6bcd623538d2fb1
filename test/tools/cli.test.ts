import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { expectFailure, Workplace } from "./command.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();
const COMMANDS = [
  "segment",
  "convert",
  "inspect",
  "compare",
  "evaluate",
  "export",
  "bundle",
  "doctor",
  "cost",
  "bench",
  "explore",
];

describe("attendseg", () => {
  test("explains itself", () => {
    const { code, text, err } = place.run(["--help"]);
    expect([code, err]).toEqual([0, ""]);
    for (const command of COMMANDS) expect(text).toContain(`\n  ${command}`);
    expect(place.run(["--version"]).text).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each(COMMANDS)("%s --help has examples", (command) => {
    const { code, text, err } = place.run([command, "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(text).toContain(`Examples:\n  attendseg ${command}`);
    expect(text).toContain("--json");
  });

  test.each([
    [["nonsense"], "unknown command 'nonsense'"],
    [["segment"], "name photos, or --files-from FILE"],
    [["segment", "a.png", "-o", ""], "Expected a name."],
    [
      ["segment", "a.png", "--only", "mask,masks"],
      "Expected some of mask, overlay, cutout, probability, polygons, rle",
    ],
    [["segment", "a.png", "--only", "cutout"], "a cutout takes --classes"],
    [["segment", "--nonsense", "a.png"], "unknown option '--nonsense'"],
    [["segment", "street.png", "--size", "12"], "Expected width x height in pixels"],
    [["segment", "street.png", "--size", "50x48"], /--size 50x48: .*multiple of 8/],
    [["segment", "street.png", "--size", "0x48"], /--size 0x48: /],
    [["segment", "street.png", "--size", "99992x48"], /--size 99992x48: /],
    [["segment", "street.png", "--opacity", "2"], "Expected a number from 0 to 1"],
    [["segment", "street.png", "--variant", "fast"], "Allowed choices are relaxed, simd, scalar"],
    [["segment", "a/x.png", "b/x.png"], "a/x.png and b/x.png would both be written as x.png.mask.png"],
    [["segment", "a.png", "b.png", "-o", "-"], "-o - takes one photo"],
    [["segment", "-", "-m", "-"], "standard input cannot be both"],
    [["inspect", "MODEL", "--size", "50x48"], /--size 50x48: .*multiple of 8/],
    [["evaluate", "MODEL", "--images", "x"], "required option '--labels <folder>' not specified"],
  ])("%j is used wrongly: exit code 2", (words, line) => {
    expectFailure(place.run(words.map((word) => (word === "MODEL" ? place.model : word))), 2, line);
  });

  test("without a command prints its help: exit code 2", () => {
    expect(place.run([])).toMatchObject({ code: 2, err: expect.stringContaining("Usage: attendseg") });
  });
});

test("a reader that stops reading is no error", () => {
  const command = `"$0" "$1" inspect "$2" | head -n 1`;
  const words = ["-c", command, process.execPath, join(place.package, "dist/cli.js"), place.model];
  const { stdout, stderr } = spawnSync("sh", words, { encoding: "utf8" });
  expect([stdout, stderr]).toEqual(["name           fixture\n", ""]);
});

test.each([
  ["--help", 0],
  ["--version", 0],
  ["", 2],
])("a reader that never reads is none, either: %s", (word, code) => {
  const command = `{ { "$0" "$1" ${word} 2>&1; echo $? >&3; } | true; } 3>&2`;
  const words = ["-c", command, process.execPath, join(place.package, "dist/cli.js")];
  expect(spawnSync("sh", words, { encoding: "utf8" }).stderr).toBe(`${code}\n`);
});
