import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { drawImage, EMBED, embed, FIXTURE, MODELS, maskOf, missingPrograms, suiteName } from "./embed.js";

const RUNTIME = process.env.WASM2C_RUNTIME ?? "/usr/share/wabt/wasm2c";
const OPTIONAL = "wasm-rt-mem-impl.c";
const missing = missingPrograms("wasm2c", "gcc") || (existsSync(RUNTIME) ? "" : RUNTIME);

/** Compiles segment.c with the module of a model; gives the path of the program. */
function compile(folder: string, module: string): string {
  execFileSync("wasm2c", [module, "-n", "network", "-o", join(folder, "network.c")]);
  const isOld = readFileSync(join(folder, "network.h"), "utf8").includes("Z_network");
  const runtime = ["wasm-rt-impl.c", OPTIONAL].map((name) => join(RUNTIME, name)).filter(existsSync);
  const program = join(folder, "segment");
  execFileSync("gcc", [
    ...[
      "-O2",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-I",
      RUNTIME,
      "-I",
      folder,
      ...(isOld ? ["-DOLD_WASM2C"] : []),
    ],
    ...["-c", join(EMBED, "segment.c"), "-o", join(folder, "segment.o")],
  ]);
  execFileSync("gcc", [
    ...["-O2", "-w", "-I", RUNTIME, "-I", folder, join(folder, "segment.o"), join(folder, "network.c")],
    ...[...runtime, "-lm", "-o", program],
  ]);
  return program;
}

function ppm(data: Uint8Array, width: number, height: number): Buffer {
  return Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), data]);
}

describe.skipIf(missing)(suiteName("segment.c through wasm2c", missing), () => {
  test.each(MODELS)(
    "%s: the library's mask",
    async (_, file) => {
      if (file.length === 0) return;
      const { folder, module, width, height, classes } = await embed(file, "scalar");
      const program = compile(folder, module);
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
      for (const line of lines) expect(classes).toContain(line.slice(9));
    },
    120_000,
  );

  test("refuses what is no image of the right size, in one line", async () => {
    const { folder, module, width, height } = await embed(FIXTURE, "scalar");
    const program = compile(folder, module);
    const run = (input: Buffer) => {
      const { status, stdout, stderr } = spawnSync(program, { input });
      return [status, stdout.length, stderr.toString()];
    };
    const pixels = new Uint8Array(width * height * 3);
    expect(run(Buffer.from("GIF89a"))).toEqual([
      1,
      0,
      "segment: standard input is not a binary PPM picture\n",
    ]);
    expect(run(Buffer.alloc(0))).toEqual([1, 0, "segment: standard input is not a binary PPM picture\n"]);
    expect(run(ppm(pixels, width, height - 1))).toEqual([
      1,
      0,
      `segment: the photo has ${width}x${height - 1} pixels, expected ${width}x${height}\n`,
    ]);
    expect(run(ppm(pixels.subarray(1), width, height))).toEqual([1, 0, "segment: the picture is cut off\n"]);
  }, 60_000);
});
