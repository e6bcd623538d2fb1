/**
 * Exports of a standalone module: engine, network and memory in one, for hosts that can do no more than call a
 * function. What is constant lies at the start of memory: a header (src/standalone.ts), the linked network, class names.
 * Memory never grows, and nothing here asks for its size, which hosts may make larger or smaller.
 *
 * input   uint8 [height, width, 3]   red, green, blue; `run` works in place, so write it anew before every run
 * output  uint8 [height, width]      class ids, or probabilities; stays until the next run
 */
import * as r from "../src/record";
import * as s from "../src/standalone";
import { add } from "./add";
import { run as runOps } from "./index";
import { mask } from "./mask";
import { probability } from "./probability";

/** Address of the input. */
export function input(): usize {
  return load<usize>(r.RECORDS_AT, r.OUTPUT_AT);
}

/** Address of the mask. */
export function output(): usize {
  return load<usize>(lastOp(), r.BAND_AT);
}

/** Width of input and mask in pixels. */
export function width(): i32 {
  return load<i32>(r.RECORDS_AT, r.OUT_WIDTH);
}

/** Height of input and mask in pixels. */
export function height(): i32 {
  return load<i32>(r.RECORDS_AT, r.OUT_HEIGHT);
}

/** Number of classes. */
export function classes(): i32 {
  return load<i32>(lastOp(), r.IN_CHANNELS);
}

/** Address of the name of a class, UTF-8 with a zero byte behind it; 0 if there is no such class. */
export function className(id: i32): usize {
  return hasClass(id) ? load<usize>(nameEntry(id)) : 0;
}

/** Bytes of the name of a class, without the zero byte. */
export function classNameLength(id: i32): i32 {
  return hasClass(id) ? load<i32>(nameEntry(id), 4) : 0;
}

/** Turns the input into the mask. 0 when done; there is no other outcome. */
export function run(): i32 {
  toLevels();
  runOps(r.RECORDS_AT, 1, <i32>((lastOp() - r.RECORDS_AT) / r.RECORD_BYTES) + 1, 0, 1);
  mask(lastOp(), width(), height(), 0, height());
  return 0;
}

/**
 * Writes probabilities, 0 to 255, over the mask of the last run: of a class, or with -1 of the one that wins. To be called
 * before the next input is written. 0 when done, 1 if there is no such class.
 */
export function probabilities(id: i32): i32 {
  if (id != -1 && !hasClass(id)) return 1;
  probability(lastOp(), id, width(), height(), 0, height());
  return 0;
}

/**
 * Runs an image made by a formula and compares the mask with what it was when the module was made: 1 if equal, and if
 * products are rounded before they are added, as they are not where a compiler has contracted the two.
 */
export function selftest(): i32 {
  if (!addsUncontracted()) return 0;
  drawTestImage();
  run();
  return checksum(output(), width() * height()) == load<u32>(s.CHECKSUM) ? 1 : 0;
}

function lastOp(): usize {
  return load<usize>(s.LAST_OP);
}

function hasClass(id: i32): bool {
  return <u32>id < <u32>classes();
}

function nameEntry(id: i32): usize {
  return load<usize>(s.NAMES_AT) + id * s.NAME_BYTES;
}

/** Whether additions that come out wrong where a multiplication and an addition are made one come out right. */
function addsUncontracted(): bool {
  const probe = load<usize>(s.PROBE_AT);
  add(probe, 0, 1);
  const sums = load<usize>(probe, r.OUTPUT_AT);
  for (let i = 0; i < s.PROBES; i++) {
    if (load<i8>(sums + i) != load<i8>(probe + r.RECORD_BYTES + i)) return false;
  }
  return true;
}

/** Color values 0..255 to the input tensor's int8: q = value - 128. */
function toLevels(): void {
  const end = input() + 3 * width() * height();
  let at = input();
  for (; at + 4 <= end; at += 4) store<u32>(at, load<u32>(at) ^ 0x80808080);
  for (; at < end; at++) store<u8>(at, load<u8>(at) ^ 128);
}

/** The test image: stripes and blocks, see tools/bundle.ts. */
function drawTestImage(): void {
  let at = input();
  for (let y = 0; y < height(); y++) {
    for (let x = 0; x < width(); x++) {
      for (let channel = 0; channel < 3; channel++) {
        store<u8>(at++, <u8>(5 * x + 3 * y + 40 * channel + 37 * ((x >> 3) ^ (y >> 3))));
      }
    }
  }
}

/** CRC-32 as in src/checksum.ts. */
function checksum(at: usize, bytes: i32): u32 {
  let word: u32 = 0xffffffff;
  for (let i = 0; i < bytes; i++) {
    word ^= load<u8>(at + i);
    for (let bit = 0; bit < 8; bit++) word = (word >> 1) ^ (word & 1 ? <u32>0xedb88320 : 0);
  }
  return ~word;
}
