/**
 * A writer of FlatBuffers that goes forwards: a table first, then what it refers to, so that every offset is positive.
 * Little-endian; see flatbuffers.dev, "Internals".
 */

/** What an offset can lead to. */
export type Target =
  | { readonly table: readonly Field[] }
  | { readonly tables: readonly (readonly Field[])[] }
  | { readonly text: string }
  /** Numbers, aligned to their size; bytes to 16. */
  | { readonly values: Uint8Array | Int32Array | Float32Array | BigInt64Array };

/** A field of a table: its number in the schema, and its value; one that is left out has the schema's default. */
export type Field = readonly [
  id: number,
  kind: "byte" | "int" | "offset",
  value: number | Target | undefined,
];

/** The bytes of a file with `root` as its root table. @param identifier four letters */
export function writeFlatBuffer(root: readonly Field[], identifier: string): Uint8Array {
  const writer = new Writer();
  const at = writer.take(8, 4);
  writer.bytes.set(new TextEncoder().encode(identifier), at + 4);
  writer.point(at, { table: root });
  return writer.bytes.slice(0, writer.length);
}

class Writer {
  bytes = new Uint8Array(1 << 16);
  length = 0;

  /** Room for `size` bytes so that the byte at `skip` in it is aligned. */
  take(size: number, alignment: number, skip = 0): number {
    while ((this.length + skip) % alignment !== 0) this.length++;
    const at = this.length;
    this.length += size;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    return at;
  }

  #view(): DataView {
    return new DataView(this.bytes.buffer);
  }

  /** Writes a target and the offset to it at address `from`. */
  point(from: number, target: Target): void {
    const at = this.#target(target);
    this.#view().setUint32(from, at - from, true);
  }

  #target(target: Target): number {
    if ("table" in target) return this.#table(target.table);
    if ("text" in target) {
      const text = new TextEncoder().encode(target.text);
      const at = this.#vector(text.length, text.length + 1, 4);
      this.bytes.set(text, at + 4);
      return at;
    }
    if ("values" in target) {
      const { values } = target;
      const alignment = values.BYTES_PER_ELEMENT === 1 ? 16 : values.BYTES_PER_ELEMENT;
      const at = this.#vector(values.length, values.byteLength, alignment);
      this.bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at + 4);
      return at;
    }
    const at = this.#vector(target.tables.length, 4 * target.tables.length, 4);
    target.tables.forEach((table, index) => {
      this.point(at + 4 + 4 * index, { table });
    });
    return at;
  }

  /** A length with room for the elements behind it. */
  #vector(count: number, bytes: number, alignment: number): number {
    const at = this.take(4 + bytes, Math.max(4, alignment), 4);
    this.#view().setUint32(at, count, true);
    return at;
  }

  /** [vtable: its bytes, the table's bytes, place of each field][table: distance to the vtable, fields]. */
  #table(fields: readonly Field[]): number {
    const present = fields.filter((field) => field[2] !== undefined);
    const order = [...present].sort((a, b) => sizeOf(b) - sizeOf(a));
    const slots = Math.max(-1, ...present.map(([id]) => id)) + 1;
    const vtableBytes = 4 + 2 * slots;
    const tableBytes = present.reduce((total, field) => total + sizeOf(field), 4);
    const vtable = this.take(vtableBytes + tableBytes, 4, vtableBytes);
    const table = vtable + vtableBytes;
    let view = this.#view();
    view.setUint16(vtable, vtableBytes, true);
    view.setUint16(vtable + 2, tableBytes, true);
    view.setInt32(table, vtableBytes, true);
    let place = 4;
    for (const field of order) {
      const [id, kind, value] = field;
      view.setUint16(vtable + 4 + 2 * id, place, true);
      if (kind === "byte") view.setUint8(table + place, value as number);
      else if (kind === "int") view.setInt32(table + place, value as number, true);
      else this.point(table + place, value as Target);
      view = this.#view();
      place += sizeOf(field);
    }
    return table;
  }
}

function sizeOf([, kind]: Field): number {
  return kind === "byte" ? 1 : 4;
}
