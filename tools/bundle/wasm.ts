/** Sections of a WebAssembly module (binary format 5.5.2): enough to give a module its data and fix its memory. */

const PREAMBLE_BYTES = 8;
const MEMORY_SECTION = 5;
const GLOBAL_SECTION = 6;
const EXPORT_SECTION = 7;
const DATA_SECTION = 11;
/** Flags of limits: without and with a maximum; with the size of a page, as a power of two. */
const UNBOUNDED = 0;
const BOUNDED = 1;
const CUSTOM_PAGE = 8;
/** An active segment of memory 0. */
const ACTIVE = 0;
const I32 = 0x7f;
const IMMUTABLE = 0;
const I32_CONST = 0x41;
const END = 0x0b;
const GLOBAL_EXPORT = 3;

/** Memory of as many pages as hold some bytes. */
export interface Memory {
  /** 65,536, or 1 for hosts that know custom page sizes. */
  readonly pageBytes: number;
  readonly bytes: number;
  /** Whether it may grow; default false. */
  readonly grows?: boolean;
}

/**
 * The module with memory of a given size, data in it and constants beside its exports.
 *
 * @param module a module with one memory of its own, without data, imports and custom sections
 * @param data for address 0 on
 * @param constants i32 globals to be exported, by name
 */
export function complete(
  module: Uint8Array,
  { pageBytes, bytes, grows = false }: Memory,
  data: Uint8Array,
  constants: Readonly<Record<string, number>>,
): Uint8Array {
  const pages = unsigned(Math.ceil(bytes / pageBytes));
  const limits = grows ? [UNBOUNDED, ...pages] : [BOUNDED, ...pages, ...pages];
  const memory = pageBytes === 1 ? [BOUNDED | CUSTOM_PAGE, ...limits.slice(1), 0] : limits;
  const sections = readSections(module);
  const globals = readVector(sections.get(GLOBAL_SECTION));
  const exports = readVector(sections.get(EXPORT_SECTION));
  const entries = Object.entries(constants);
  sections.set(MEMORY_SECTION, Uint8Array.of(1, ...memory));
  sections.set(
    GLOBAL_SECTION,
    extend(
      globals,
      entries.map(([, value]) => [I32, IMMUTABLE, I32_CONST, ...signed(value), END]),
    ),
  );
  sections.set(
    EXPORT_SECTION,
    extend(
      exports,
      entries.map(([name], at) => [...encodeName(name), GLOBAL_EXPORT, ...unsigned(globals.count + at)]),
    ),
  );
  const head = [ACTIVE, I32_CONST, ...signed(0), END, ...unsigned(data.length)];
  sections.set(DATA_SECTION, concatenate([Uint8Array.of(1, ...head), data]));
  const ordered = [...sections].sort(([first], [second]) => first - second);
  return concatenate([
    module.subarray(0, PREAMBLE_BYTES),
    ...ordered.flatMap(([id, body]) => [Uint8Array.of(id, ...unsigned(body.length)), body]),
  ]);
}

/** Bodies of sections by number. */
function readSections(module: Uint8Array): Map<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>();
  for (let at = PREAMBLE_BYTES; at < module.length; ) {
    const { value, end } = readUnsigned(module, at + 1);
    sections.set(module[at]!, module.subarray(end, end + value));
    at = end + value;
  }
  return sections;
}

/** Number of entries of a section, and the entries; none where there is no such section. */
interface Vector {
  readonly count: number;
  readonly entries: Uint8Array;
}

function readVector(body: Uint8Array = Uint8Array.of(0)): Vector {
  const { value, end } = readUnsigned(body, 0);
  return { count: value, entries: body.subarray(end) };
}

function extend({ count, entries }: Vector, more: readonly number[][]): Uint8Array {
  return concatenate([Uint8Array.from(unsigned(count + more.length)), entries, Uint8Array.from(more.flat())]);
}

/** A name as its length and UTF-8. */
export function encodeName(name: string): number[] {
  const text = new TextEncoder().encode(name);
  return [...unsigned(text.length), ...text];
}

/** The LEB128 number at an offset, and the offset behind it. */
function readUnsigned(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  let end = at;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[end++]!;
    value += (byte & 127) * factor;
    if (byte < 128) return { value, end };
  }
}

/** An unsigned integer below 2^32 as LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

/** An integer of -2^31..2^31 - 1 as signed LEB128; a larger one stands for the i32 with the same bits. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (; rest < -64 || rest > 63; rest >>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest & 127];
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
