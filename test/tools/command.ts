/** The built package, copied to a place of its own, with the fixture as its model: what a user has installed. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { Segmenter } from "../../src/index.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { buildFixture } from "../fixtures/fixture.js";
import type { PngParts } from "./image/encode.js";

/** What a finished command left. */
export interface Outcome {
  readonly code: number | null;
  readonly out: Buffer;
  readonly text: string;
  readonly err: string;
}

export const FIXTURE = writeModel(buildFixture());

/** An image with something in it. */
export const STREET: PngParts = {
  width: 90,
  height: 70,
  depth: 8,
  type: 2,
  sample: (x, y, c) => (x * 5 + y * 3 + c * 40 + ((x >> 3) ^ (y >> 3)) * 37) % 256,
};

/** What the library makes of an image. */
export async function segmentHere(data: Uint8Array, width: number, height: number, channels: number) {
  const segmenter = await Segmenter.load(FIXTURE);
  return { segmenter, ...segmenter.segment({ data, width, height, channels }) };
}

/** A package folder without node_modules, and an empty folder to work in. */
export class Workplace {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "attendseg-cli-")));
  readonly package = join(this.folder, "package");
  readonly model = join(this.package, "models/attendseg-streets.aseg");

  constructor() {
    mkdirSync(join(this.package, "models"), { recursive: true });
    cpSync("dist", join(this.package, "dist"), { recursive: true });
    cpSync("package.json", join(this.package, "package.json"));
    writeFileSync(this.model, FIXTURE);
    afterAll(() => rmSync(this.folder, { recursive: true }));
  }

  /** Writes a file into the folder and returns its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /** Runs `attendseg` with these words, in the folder. */
  run(words: readonly string[], input?: Uint8Array): Outcome {
    return this.start("cli.js", words, input);
  }

  /** Runs a built file. */
  start(file: string, words: readonly string[], input?: Uint8Array): Outcome {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(this.package, "dist", file), ...words],
      {
        cwd: this.folder,
        maxBuffer: 1 << 28,
        ...(input && { input }),
      },
    );
    return { code: status, out: stdout, text: stdout.toString(), err: stderr.toString() };
  }
}

/** Expects a command to have failed with this exit code and one clear line, and never a stack trace. */
export function expectFailure({ code, err }: Outcome, exitCode: number, line: string | RegExp): void {
  expect(err).toMatch(line);
  expect(err).not.toMatch(/\n\s+at |node:internal/);
  expect(err.split("\n").filter((text) => text.startsWith("attendseg:"))).toHaveLength(1);
  expect(code).toBe(exitCode);
}
