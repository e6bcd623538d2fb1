/**
 * A standalone module: engine, linked network and memory plan in one WebAssembly module without imports.
 *
 *   [header | op records | weights | class names, probe | arena, mask in a gap of it | slack]
 *
 * All that is constant lies before the arena. The engine is assembly/standalone.ts; this adds the data and fixes the size
 * of memory. Two exported globals say where data end and where what is used ends, as compilers of C do: hosts that look
 * for them give the module no more memory than that.
 */
import scalarComponent from "../../build/component-scalar.wasm";
import simdComponent from "../../build/component-simd.wasm";
import scalar from "../../build/standalone-scalar.wasm";
import simd from "../../build/standalone-simd.wasm";
import { align } from "../../src/allocate.js";
import { crc32 } from "../../src/checksum.js";
import { Segmenter } from "../../src/index.js";
import { link } from "../../src/link.js";
import { parseModel } from "../../src/model.js";
import type { Model } from "../../src/ops.js";
import { type ArenaBlock, PAGE_BYTES, type Plan, plan } from "../../src/plan.js";
import { UserError } from "../common/errors.js";
import { type Files, translate } from "./c.js";
import { wrapComponent } from "./component.js";
import { factsBytes, writeFacts } from "./facts.js";
import { complete } from "./wasm.js";

const ENGINES: Readonly<Record<string, Uint8Array>> = { scalar, simd };
const COMPONENTS: Readonly<Record<string, Uint8Array>> = { scalar: scalarComponent, simd: simdComponent };

/** Builds of the engine that a standalone module can have. */
export const BUNDLE_VARIANTS = Object.keys(ENGINES);

export interface Bundle {
  readonly bytes: Uint8Array;
  /** Linear memory, fixed: a multiple of 65,536, or what is used where it is exact. */
  readonly memoryBytes: number;
  /** CRC-32 of the mask of the test image. */
  readonly checksum: number;
}

/**
 * The plan of a standalone module.
 *
 * @throws as `plan`
 */
export function planBundle(model: Model, height: number, width: number): Plan {
  const standalone = { factsBytes: factsBytes(model, { height, width }), placeMask };
  return plan(model, height, width, { standalone });
}

/**
 * Offset of a mask that stays until the next run: it overlaps neither the input, which may be written before the mask is
 * read, nor what drawing it needs. It may lie behind the arena's end.
 */
function placeMask(blocks: readonly ArenaBlock[], bytes: number, end: number): number {
  const busy = blocks.filter(({ first, last }) => first === 0 || last === end);
  busy.sort((a, b) => a.offset - b.offset);
  let at = 0;
  for (const block of busy) {
    if (at + bytes <= block.offset) break;
    at = Math.max(at, align(block.offset + block.bytes));
  }
  return at;
}

/**
 * Makes the standalone module of a model file at the input size of a plan. The same arguments give the same bytes.
 * The module is run once before it is returned.
 *
 * @param file bytes of the model file, valid
 * @param layout of this model, by `planBundle`
 * @param exact memory of one-byte pages, for hosts with custom page sizes: exactly what is used
 * @throws UserError if the module does not give the mask that the library gives
 */
export async function bundleModel(
  file: Uint8Array,
  layout: Plan,
  variant: string,
  exact = false,
): Promise<Bundle> {
  const { image, checksum } = await linkFacts(file, layout);
  const data = withoutTrailingZeros(image);
  const globals = { __data_end: layout.arenaAt, __heap_base: layout.usedBytes };
  const make = (pageBytes: number) =>
    complete(ENGINES[variant]!, { pageBytes, bytes: layout.usedBytes }, data, globals);
  const bytes = make(PAGE_BYTES);
  if (!passesSelftest(bytes)) throw new UserError("the module made does not give the mask that it should");
  return exact
    ? { bytes: make(1), memoryBytes: layout.usedBytes, checksum }
    : { bytes, memoryBytes: layout.memoryBytes, checksum };
}

/**
 * Makes a component of a model file; otherwise as `bundleModel`. Only a photo that is too large makes its memory grow.
 *
 * @throws as `bundleModel`
 */
export async function bundleComponent(file: Uint8Array, layout: Plan, variant: string): Promise<Bundle> {
  const { checksum, memoryBytes } = await bundleModel(file, layout, variant);
  const { image } = await linkFacts(file, layout);
  const memory = { pageBytes: PAGE_BYTES, bytes: layout.usedBytes, grows: true };
  const module = complete(COMPONENTS[variant]!, memory, withoutTrailingZeros(image), {});
  return { bytes: wrapComponent(module), memoryBytes, checksum };
}

/**
 * Translates the standalone module of a model file to C.
 *
 * @param file bytes of the model file, valid
 * @param layout of this model, by `planBundle`
 * @returns texts of files by name
 * @throws UserError as `bundleModel`, and where wasm2c is not installed
 */
export async function bundleC(file: Uint8Array, layout: Plan): Promise<Files> {
  await bundleModel(file, layout, "scalar");
  const { model, image } = await linkFacts(file, layout);
  const memory = { pageBytes: PAGE_BYTES, bytes: layout.usedBytes };
  return translate({
    engine: complete(scalar, memory, new Uint8Array(0), {}),
    constants: image,
    arenaBytes: layout.usedBytes - layout.arenaAt,
    width: layout.width,
    height: layout.height,
    classes: model.metadata.classes.length,
    model: model.metadata.name,
  });
}

/** What linear memory holds below the arena. */
async function linkFacts(file: Uint8Array, layout: Plan) {
  const model = parseModel(file);
  const checksum = await expectedChecksum(file, layout);
  const image = link(model, layout);
  writeFacts(image, model, layout, checksum);
  return { model, image, checksum };
}

/** Checksum of the library's mask of the test image, which assembly/standalone.ts draws by the same formula. */
async function expectedChecksum(file: Uint8Array, { width, height }: Plan): Promise<number> {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        data[at++] = 5 * x + 3 * y + 40 * channel + 37 * ((x >> 3) ^ (y >> 3));
      }
    }
  }
  using segmenter = await Segmenter.load(file, { width, height });
  return crc32(segmenter.segment({ data, width, height, channels: 3 }).mask);
}

function passesSelftest(bytes: Uint8Array): boolean {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  return (exports.selftest as () => number)() === 1;
}

function withoutTrailingZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}
