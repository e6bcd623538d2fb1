/**
 * A standalone module: engine, linked network and memory plan in one WebAssembly module without imports.
 *
 *   [op records | weights | arena, mask in a gap of it | slack | class names | header]
 *
 * The engine is assembly/standalone.ts; this adds the data and fixes the size of memory.
 */
import scalar from "../../build/standalone-scalar.wasm";
import simd from "../../build/standalone-simd.wasm";
import { crc32 } from "../../src/checksum.js";
import { Segmenter } from "../../src/index.js";
import { link, recordAt } from "../../src/link.js";
import { type Model, parseModel } from "../../src/model.js";
import { align } from "../../src/place.js";
import type { Plan } from "../../src/plan.js";
import { PAGE_BYTES } from "../../src/plan.js";
import * as header from "../../src/standalone.js";
import { UserError } from "../common/errors.js";
import { withData } from "./wasm.js";

const ENGINES: Readonly<Record<string, Uint8Array>> = { scalar, simd };

/** Builds of the engine that a standalone module can have. */
export const BUNDLE_VARIANTS = Object.keys(ENGINES);

/** Bytes that stay free behind the arena, for vector loads. */
const SLACK_BYTES = 64;

export interface Bundle {
  readonly bytes: Uint8Array;
  /** Linear memory, fixed: a multiple of 65,536. */
  readonly memoryBytes: number;
  /** CRC-32 of the mask of the test picture. */
  readonly checksum: number;
}

/**
 * Makes the standalone module of a model file at the input size of a plan. The same arguments give the same bytes.
 * The module is run once before it is returned.
 *
 * @param file bytes of the model file, valid
 * @param plan of this model
 * @throws UserError if the module does not give the mask that the library gives
 */
export async function bundleModel(file: Uint8Array, plan: Plan, variant: string): Promise<Bundle> {
  const model = parseModel(file);
  const mask = placeMask(model, plan);
  const arenaBytes = Math.max(plan.arenaBytes, align(mask + plan.height * plan.width));
  const names = encodeNames(model.card.classes);
  const tail = new Uint8Array(names.bytes.length + header.HEADER_BYTES);
  const needed = plan.arenaAt + arenaBytes + SLACK_BYTES + tail.length;
  const memoryBytes = Math.max(plan.memoryBytes, Math.ceil(needed / PAGE_BYTES) * PAGE_BYTES);
  const checksum = await expectedChecksum(file, plan);

  const at = memoryBytes - tail.length;
  tail.set(names.bytes);
  const view = new DataView(tail.buffer);
  names.places.forEach(({ offset, length }, id) => {
    view.setUint32(id * header.NAME_BYTES, at + offset, true);
    view.setUint32(id * header.NAME_BYTES + 4, length, true);
  });
  const field = (offset: number, value: number) => view.setUint32(names.bytes.length + offset, value, true);
  field(header.LAST_OP, recordAt(model, model.ops.length - 1));
  field(header.MASK_AT, plan.arenaAt + mask);
  field(header.NAMES_AT, at);
  field(header.CHECKSUM, checksum);

  const bytes = withData(ENGINES[variant]!, memoryBytes / PAGE_BYTES, [
    { at: 0, bytes: withoutTrailingZeros(link(model, plan)) },
    { at, bytes: tail },
  ]);
  if (!passesSelftest(bytes)) throw new UserError("the module made does not give the mask that it should");
  return { bytes, memoryBytes, checksum };
}

/**
 * Offset in the arena at which the mask overlaps neither the input nor what drawing it needs: scores, winners,
 * scratch. It may lie behind the arena's end.
 */
function placeMask(model: Model, plan: Plan): number {
  const last = model.ops.length - 1;
  const { inputs, output } = model.ops[last]!;
  const tensors = [model.ops[0]!.output, inputs[0]!, output].map((id) => {
    const { height, width } = plan.sizes[id]!;
    return { offset: plan.offsets[id]!, bytes: height * width * model.tensors[id]!.channels };
  });
  const busy = [...tensors, { offset: plan.scratch[last]!, bytes: plan.scratchBytes[last]! }];
  busy.sort((a, b) => a.offset - b.offset);
  let at = 0;
  for (const { offset, bytes } of busy) {
    if (at + plan.height * plan.width <= offset) break;
    at = Math.max(at, align(offset + bytes));
  }
  return at;
}

/** The list of class names with room for the addresses, then the names, each with a zero byte behind it. */
function encodeNames(classes: readonly string[]): {
  bytes: Uint8Array;
  places: { offset: number; length: number }[];
} {
  const texts = classes.map((name) => new TextEncoder().encode(name));
  let end = classes.length * header.NAME_BYTES;
  const places = texts.map(({ length }) => {
    const offset = end;
    end += length + 1;
    return { offset, length };
  });
  const bytes = new Uint8Array(align(end));
  texts.forEach((text, id) => {
    bytes.set(text, places[id]!.offset);
  });
  return { bytes, places };
}

/** Checksum of the library's mask of the test picture, which assembly/standalone.ts draws by the same formula. */
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
