import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { expectFailure, Workplace } from "../command.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();

test("explore needs a clone", () => {
  expectFailure(place.run(["explore"]), 1, /needs a clone of the repository/);
});

test.skipIf(process.platform === "win32")("explore hands its options to the program in Python", () => {
  const folder = join(place.package, "tools/explore");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "explore.py"), "");
  const python = place.write("python", '#!/bin/sh\nprintf "%s\\n" "$PYTHONPATH" "$@"\nexit 3\n');
  chmodSync(python, 0o755);
  const options = ["--max-macs", "1e9", "--plain", "--out", "a run", "--json", "--size=64x48"];
  const { code, text, err } = place.run(["explore", "--python", python, ...options]);
  expect([code, err]).toEqual([3, ""]);
  const [path, ...words] = text.trimEnd().split("\n");
  expect(path!.split(":")[0]).toBe(place.package);
  expect(words).toEqual([
    ...["-m", "tools.explore.explore", "--max-macs", "1e9", "--plain", "--out", "a run", "--size=64x48"],
    ...["--cli", join(place.package, "dist/cli.js"), "--node", process.execPath, "--json"],
  ]);
  const help = place.run(["explore", "--python", python, "--", "--help"]);
  expect(help.text.split("\n").slice(1, 4)).toEqual(["-m", "tools.explore.explore", "--help"]);
  expectFailure(place.run(["explore", "--python", "no-such-python"]), 1, "no-such-python was not found");
});
