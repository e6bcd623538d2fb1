/** A reader of FlatBuffers for tests: fields by their number in the schema. */

export interface Table {
  int(id: number): number;
  byte(id: number): number;
  text(id: number): string;
  table(id: number): Table;
  tables(id: number): Table[];
  ints(id: number): number[];
  floats(id: number): number[];
  bytes(id: number): Uint8Array;
  has(id: number): boolean;
}

export function readTable(bytes: Uint8Array): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return tableAt(view, bytes, view.getUint32(0, true));
}

function tableAt(view: DataView, bytes: Uint8Array, table: number): Table {
  if (table % 4 !== 0) throw new Error(`a table at ${table}`);
  const vtable = table - view.getInt32(table, true);
  const size = view.getUint16(vtable, true);
  const place = (id: number) => (4 + 2 * id < size ? view.getUint16(vtable + 4 + 2 * id, true) : 0);
  const follow = (at: number) => at + view.getUint32(at, true);
  const target = (id: number) => {
    if (place(id) === 0) throw new Error(`no field ${id}`);
    return follow(table + place(id));
  };
  const elements = <T>(id: number, size: number, read: (at: number) => T): T[] => {
    const at = target(id);
    if ((at + 4) % size !== 0) throw new Error(`elements of ${size} bytes at ${at + 4}`);
    return Array.from({ length: view.getUint32(at, true) }, (_, index) => read(at + 4 + index * size));
  };
  return {
    has: (id) => place(id) !== 0,
    int: (id) => (place(id) === 0 ? 0 : view.getInt32(table + place(id), true)),
    byte: (id) => (place(id) === 0 ? 0 : view.getUint8(table + place(id))),
    text(id) {
      const at = target(id);
      const end = at + 4 + view.getUint32(at, true);
      if (bytes[end] !== 0) throw new Error("a text without its end");
      return new TextDecoder().decode(bytes.subarray(at + 4, end));
    },
    table: (id) => tableAt(view, bytes, target(id)),
    tables: (id) => elements(id, 4, (at) => tableAt(view, bytes, follow(at))),
    ints: (id) => elements(id, 4, (at) => view.getInt32(at, true)),
    floats: (id) => elements(id, 4, (at) => view.getFloat32(at, true)),
    bytes(id) {
      const at = target(id) + 4;
      if (at % 16 !== 0) throw new Error(`bytes at ${at}`);
      return bytes.subarray(at, at + view.getUint32(at - 4, true));
    },
  };
}
