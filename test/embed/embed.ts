/** What the tests of tools/embed share: modules, images, the masks that they should give, and what is installed. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "fast-png";
import { expect } from "vitest";
import { Segmenter } from "../../src/index.js";
import { parseModel } from "../../src/model.js";
import { bundleModel, planBundle } from "../../tools/bundle/index.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { drawStreet } from "../../tools/sample/index.js";
import { buildFixture } from "../fixtures/fixture.js";
import { buildPng } from "../tools/image/encode.js";

const SHIPPED = "models/attendseg-camvid.aseg";
const PYTHON = process.env.ATTENDSEG_PYTHON ?? "python3";

export const EMBED = join(import.meta.dirname, "../../tools/embed");

export const FIXTURE = writeModel(buildFixture(6, true));

/** Models to embed, by name; of an absent one the file is empty. */
export const MODELS: readonly (readonly [name: string, file: Uint8Array])[] = [
  ["the fixture", FIXTURE],
  existsSync(SHIPPED)
    ? ["the shipped model", readFileSync(SHIPPED)]
    : [`the shipped model (skipped: no ${SHIPPED})`, new Uint8Array(0)],
];

let street: ReturnType<typeof drawStreet> | undefined;

export interface Embedded {
  readonly folder: string;
  readonly module: string;
  readonly width: number;
  readonly height: number;
  /** Memory that the planner promises. */
  readonly planBytes: number;
  readonly classes: readonly string[];
}

/** The standalone module of a model file at its default size, in an empty folder. */
export async function embed(file: Uint8Array, variant: string): Promise<Embedded> {
  const model = parseModel(file);
  const memory = planBundle(model, model.height, model.width);
  const { bytes } = await bundleModel(file, memory, variant);
  const folder = mkdtempSync(join(tmpdir(), "attendseg-embed-"));
  const module = join(folder, "segment.wasm");
  writeFileSync(module, bytes);
  const { width, height } = memory;
  return { folder, module, width, height, planBytes: memory.memoryBytes, classes: model.metadata.classes };
}

/** A street, part of it cut out so that every `index` gives another one: RGB [height, width, 3]. */
export function drawImage(index: number): { data: Uint8Array; width: number; height: number } {
  street ??= drawStreet();
  const width = 700 + index;
  const height = 500;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((y + 100) * street.width + 13 * index);
    data.set(street.data.subarray(from, from + 3 * width), 3 * y * width);
  }
  return { data, width, height };
}

/** A PNG file of an image. */
export function encode({ data, width, height }: ReturnType<typeof drawImage>): Uint8Array {
  return buildPng({ width, height, depth: 8, type: 2, sample: (x, y, c) => data[3 * (y * width + x) + c]! });
}

/** The library's mask of an image at the size of the network's input. */
export async function maskOf(file: Uint8Array, image: ReturnType<typeof drawImage>): Promise<Uint8Array> {
  using segmenter = await Segmenter.load(file);
  const { width, height } = segmenter.info;
  return segmenter.segment(image, { width, height }).mask;
}

/** Expects a PNG file of class ids to be this mask. */
export function expectMask(path: string, mask: Uint8Array): void {
  expect(Buffer.compare(Buffer.from(decode(readFileSync(path)).data as Uint8Array), Buffer.from(mask))).toBe(
    0,
  );
}

/** Runs Python and returns what it printed. */
export function python(words: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, ...environment };
  return spawnSync(PYTHON, words, { encoding: "utf8", cwd: EMBED, env, maxBuffer: 1 << 26 });
}

/** Which of these Python modules are not installed, as text, or "". */
export function missingModules(...names: string[]): string {
  const code = `import importlib.util as u; print(*(n for n in ${JSON.stringify(names)} if not u.find_spec(n)))`;
  const { status, stdout } = spawnSync(PYTHON, ["-c", code], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : PYTHON;
}

/** Which of these programs are not installed, as text, or "". */
export function missingPrograms(...names: string[]): string {
  return names.filter((name) => spawnSync(name, ["--version"]).status !== 0).join(" ");
}

/** The name of a suite, with the reason if it is skipped. */
export function suiteName(name: string, missing: string): string {
  return missing === "" ? name : `${name} (skipped: ${missing} not installed)`;
}
