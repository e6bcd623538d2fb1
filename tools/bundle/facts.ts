/**
 * What a standalone module knows about itself (src/standalone.ts): a header, and between the network and the arena
 *
 *   [list of class names | probe: the record of an addition, its right results, its operands | message of a component]
 */
import { align } from "../../src/allocate.js";
import * as format from "../../src/format.js";
import { recordAt } from "../../src/link.js";
import type { Model, Size } from "../../src/ops.js";
import type { Plan } from "../../src/plan.js";
import * as record from "../../src/record.js";
import * as standalone from "../../src/standalone.js";

/**
 * Operands of the probe: first / 6 + second / 3 + 10 lies halfway between two integers and is rounded to the even one.
 * Where f32 products are added without having been rounded, whichever of the two or both, it is rounded to the other.
 */
const FIRST = [-39, -33, -27, -27, -21, -15, -15, -9, -39];
const SECOND = [-18, -21, -24, -18, -21, -24, -18, -27, -18];
const PROBE_BYTES = record.RECORD_BYTES + 3 * align(standalone.PROBES) + record.SLACK_BYTES;

/** Bytes of the facts of a model at one input size, for its plan. */
export function factsBytes({ metadata }: Model, size: Size): number {
  return encodeNames(metadata.classes, 0).length + PROBE_BYTES + messageOf(size).length;
}

/** What a component says of a photo of the wrong size. */
function messageOf({ width, height }: Size): Uint8Array {
  const bytes = 3 * width * height;
  return new TextEncoder().encode(
    `"photo" expected ${bytes} bytes: red, green, blue of ${width}x${height} pixels`,
  );
}

/**
 * Writes header and facts.
 *
 * @param image of the model, linked, from address 0 on
 * @param plan with room for the facts
 * @param checksum CRC-32 of the mask of the test image
 */
export function writeFacts(image: Uint8Array, model: Model, plan: Plan, checksum: number): void {
  const names = encodeNames(model.metadata.classes, plan.factsAt);
  image.set(names, plan.factsAt);
  const probeAt = plan.factsAt + names.length;
  writeProbe(new DataView(image.buffer, image.byteOffset + probeAt), probeAt, plan);
  const view = new DataView(image.buffer, image.byteOffset);
  view.setUint32(standalone.LAST_OP, recordAt(model, model.ops.length - 1), true);
  view.setUint32(standalone.NAMES_AT, plan.factsAt, true);
  view.setUint32(standalone.CHECKSUM, checksum, true);
  view.setUint32(standalone.PROBE_AT, probeAt, true);
  const message = messageOf(plan);
  image.set(message, probeAt + PROBE_BYTES);
  view.setUint32(standalone.MESSAGE_AT, probeAt + PROBE_BYTES, true);
  view.setUint32(standalone.MESSAGE_BYTES, message.length, true);
}

/** The list of class names for address `at`, then the names, each with a zero byte behind it. */
function encodeNames(classes: readonly string[], at: number): Uint8Array {
  const texts = classes.map((name) => new TextEncoder().encode(name));
  const listBytes = classes.length * standalone.NAME_BYTES;
  const bytes = new Uint8Array(align(texts.reduce((total, { length }) => total + length + 1, listBytes)));
  const view = new DataView(bytes.buffer);
  let end = listBytes;
  texts.forEach((text, id) => {
    view.setUint32(id * standalone.NAME_BYTES, at + end, true);
    view.setUint32(id * standalone.NAME_BYTES + 4, text.length, true);
    bytes.set(text, end);
    end += text.length + 1;
  });
  return bytes;
}

/** The record of the probe, for address `at`. Its sums are written where the input will be. */
function writeProbe(view: DataView, at: number, plan: Plan): void {
  const operands = [FIRST, SECOND].map((_, index) => {
    return record.RECORD_BYTES + (index + 1) * align(standalone.PROBES);
  });
  const word = (field: number, value: number) => view.setInt32(field, value, true);
  const real = (field: number, value: number) => view.setFloat32(field, value, true);
  word(record.KERNEL, format.ADD);
  word(record.INPUT_AT, at + operands[0]!);
  word(record.SECOND_AT, at + operands[1]!);
  word(record.OUTPUT_AT, plan.arenaAt + plan.tensors[0]!.offset);
  word(record.OUT_WIDTH, 1);
  word(record.OUT_CHANNELS, standalone.PROBES);
  real(record.MULTIPLIER, 1 / 6);
  real(record.SECOND_MULTIPLIER, 1 / 3);
  real(record.CONSTANT, 10);
  word(record.MIN, -128);
  word(record.MAX, 127);
  word(record.FAST_ROUNDING, 1);
  FIRST.forEach((first, index) => {
    const second = SECOND[index]!;
    view.setInt8(operands[0]! + index, first);
    view.setInt8(operands[1]! + index, second);
    view.setInt8(record.RECORD_BYTES + index, evenBeside(first + 2 * second + 60));
  });
}

/** The even one of the two integers beside a number that lies halfway between them; `sixths` is six times the number. */
function evenBeside(sixths: number): number {
  const below = Math.floor(sixths / 6);
  return below % 2 === 0 ? below : below + 1;
}
