import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Segmenter } from "../../src/index.js";
import { parseModel } from "../../src/model.js";
import { drawImage, EMBED, FIXTURE, MODELS, maskOf, missingPrograms, suiteName } from "./embed.js";
import { CHECKS, compile, NO_CHECKS, translated, UNCONTRACTED } from "./gcc.js";

const missing = missingPrograms("wasm2c", "gcc");
function ppm(data: Uint8Array, width: number, height: number): Buffer {
  return Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), data]);
}

describe.skipIf(missing)(suiteName("segment.c with a model in C", missing), () => {
  test.each(MODELS)(
    "%s: the library's mask",
    async (_, file) => {
      if (file.length === 0) return;
      const { folder, width, height } = await translated(file);
      const program = compile(folder, join(EMBED, "segment.c"), [...UNCONTRACTED, ...CHECKS]);
      const wide = drawImage(3);
      const data = new Uint8Array(width * height * 3);
      for (let y = 0; y < height; y++) {
        data.set(wide.data.subarray(3 * y * wide.width, 3 * (y * wide.width + width)), 3 * y * width);
      }
      const { status, stdout, stderr } = spawnSync(program, {
        input: ppm(data, width, height),
        maxBuffer: 1 << 26,
      });
      expect(status).toBe(0);
      const head = Buffer.from(`P5 ${width} ${height} 255\n`);
      expect(stdout.subarray(0, head.length)).toEqual(head);
      const mask = await maskOf(file, { data, width, height });
      expect(Buffer.compare(stdout.subarray(head.length), Buffer.from(mask))).toBe(0);
      const lines = stderr.toString().trimEnd().split("\n");
      expect(lines).toHaveLength(new Set(mask).size);
      const { classes } = parseModel(file).metadata;
      for (const line of lines) expect(classes).toContain(line.slice(9));
    },
    120_000,
  );

  test("the library's probabilities", async () => {
    const { folder, width, height } = await translated(FIXTURE);
    const source = join(folder, "main.c");
    const code = `#include "attendseg.h"
#include <stdio.h>
int main(void) {
  attendseg_init();
  for (uint32_t i = 0; i < 3 * ATTENDSEG_WIDTH * ATTENDSEG_HEIGHT; i++) attendseg_input()[i] = (uint8_t)(i * i >> 7);
  attendseg_run();
  for (int id = -1; id < 2; id++) {
    if (attendseg_probabilities(id)) return 2;
    fwrite(attendseg_output(), ATTENDSEG_WIDTH, ATTENDSEG_HEIGHT, stdout);
  }
  return attendseg_probabilities(ATTENDSEG_CLASSES) ? 0 : 3;
}
`;
    writeFileSync(source, code);
    const program = compile(folder, source, [...UNCONTRACTED, ...CHECKS]);
    const { status, stdout } = spawnSync(program, { maxBuffer: 1 << 26 });
    expect(status).toBe(0);
    const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => Math.imul(i, i) >>> 7);
    using segmenter = await Segmenter.load(FIXTURE);
    const expected = (["max", 0, 1] as const).map((probabilities) => {
      return segmenter.segment({ data, width, height }, { probabilities }).probabilities!;
    });
    expect(Buffer.compare(stdout, Buffer.concat(expected))).toBe(0);
  }, 60_000);

  test("refuses what is no image of the right size, in one line", async () => {
    const { folder, width, height } = await translated(FIXTURE);
    const program = compile(folder, join(EMBED, "segment.c"), [...UNCONTRACTED, ...CHECKS]);
    const run = (input: Buffer) => {
      const { status, stdout, stderr } = spawnSync(program, { input });
      return [status, stdout.length, stderr.toString()];
    };
    const pixels = new Uint8Array(width * height * 3);
    const noPicture = [1, 0, "segment: standard input is not a binary PPM picture\n"];
    expect(run(Buffer.from("GIF89a"))).toEqual(noPicture);
    expect(run(Buffer.alloc(0))).toEqual(noPicture);
    expect(run(ppm(pixels, width, height - 1))).toEqual([
      1,
      0,
      `segment: the photo has ${width}x${height - 1} pixels, expected ${width}x${height}\n`,
    ]);
    expect(run(ppm(pixels.subarray(1), width, height))).toEqual([1, 0, "segment: the picture is cut off\n"]);
  }, 60_000);

  const hasFma = process.arch === "x64" && spawnSync("grep", ["-qw", "fma", "/proc/cpuinfo"]).status === 0;
  test.each([
    ["as the guide says", [...UNCONTRACTED, ...CHECKS], 1],
    ["without checks", [...UNCONTRACTED, ...NO_CHECKS], 1],
    ["with the constants in RAM", [...UNCONTRACTED, ...CHECKS, "-DATTENDSEG_CONSTANTS_IN_RAM"], 1],
    ["with fused instructions that it may not use", ["-mfma", ...UNCONTRACTED, ...CHECKS], 1],
    ["with contraction", ["-mfma", "-ffp-contract=fast", ...CHECKS], 0],
  ])("its self-test %s", { timeout: 60_000 }, async (_, flags, expected) => {
    if (flags.includes("-mfma") && !hasFma) return;
    const { folder } = await translated(FIXTURE);
    const source = join(folder, "main.c");
    const code = "attendseg_init(), attendseg_selftest() != attendseg_selftest() ? 2 : attendseg_selftest()";
    writeFileSync(source, `#include "attendseg.h"\nint main(void) { return ${code}; }\n`);
    expect(spawnSync(compile(folder, source, flags)).status).toBe(expected);
  });

  const noCmake = missingPrograms("cmake");
  test.skipIf(noCmake)(
    suiteName("CMakeLists.txt makes a library of it", noCmake),
    { timeout: 60_000 },
    async () => {
      const { folder } = await translated(FIXTURE);
      const main = [
        "cmake_minimum_required(VERSION 3.13)",
        "project(user C)",
        `add_subdirectory(${folder} network)`,
      ];
      const user = mkdtempSync(join(tmpdir(), "attendseg-cmake-"));
      main.push("add_executable(user main.c)", "target_link_libraries(user attendseg)");
      writeFileSync(join(user, "CMakeLists.txt"), main.join("\n"));
      writeFileSync(
        join(user, "main.c"),
        '#include "attendseg.h"\nint main(void) { attendseg_init(); return attendseg_selftest() ? 7 : 1; }\n',
      );
      execFileSync("cmake", ["-S", user, "-B", join(user, "build")], { stdio: "pipe" });
      execFileSync("cmake", ["--build", join(user, "build")], { stdio: "pipe" });
      expect(spawnSync(join(user, "build", "user")).status).toBe(7);
    },
  );
});
