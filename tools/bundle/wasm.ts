/** Sections of a WebAssembly module (binary format 5.5.2): enough to give a module its data and fix its memory. */

const PREAMBLE_BYTES = 8;
const MEMORY_SECTION = 5;
const DATA_SECTION = 11;
/** Limits with a maximum. */
const BOUNDED = 1;
/** An active segment of memory 0. */
const ACTIVE = 0;
const I32_CONST = 0x41;
const END = 0x0b;

interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

/** Bytes for an address of linear memory. */
export interface Segment {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/**
 * The module with memory of a fixed size and data in it.
 *
 * @param module a module with one memory of its own and no data
 * @param pages of memory, each of 65,536 bytes
 */
export function withData(module: Uint8Array, pages: number, segments: readonly Segment[]): Uint8Array {
  const memory = Uint8Array.of(1, BOUNDED, ...unsigned(pages), ...unsigned(pages));
  const data = concatenate([Uint8Array.from(unsigned(segments.length)), ...segments.map(encodeSegment)]);
  const sections = readSections(module).map(({ id, body }) => ({
    id,
    body: id === MEMORY_SECTION ? memory : body,
  }));
  const ordered = [
    ...sections.filter(({ id }) => id !== 0),
    { id: DATA_SECTION, body: data },
    ...sections.filter(({ id }) => id === 0),
  ];
  return concatenate([module.subarray(0, PREAMBLE_BYTES), ...ordered.flatMap(encodeSection)]);
}

function readSections(module: Uint8Array): Section[] {
  const sections: Section[] = [];
  for (let at = PREAMBLE_BYTES; at < module.length; ) {
    const id = module[at++]!;
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = module[at++]!;
      size |= (byte & 127) << shift;
      more = byte > 127;
    }
    sections.push({ id, body: module.subarray(at, at + size) });
    at += size;
  }
  return sections;
}

function encodeSection({ id, body }: Section): Uint8Array[] {
  return [Uint8Array.of(id, ...unsigned(body.length)), body];
}

function encodeSegment({ at, bytes }: Segment): Uint8Array {
  const head = [ACTIVE, I32_CONST, ...signed(at), END, ...unsigned(bytes.length)];
  return concatenate([Uint8Array.from(head), bytes]);
}

/** An unsigned integer below 2^32 as LEB128. */
function unsigned(value: number): number[] {
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

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
