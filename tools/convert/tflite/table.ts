/** Tables of a FlatBuffers file, read with every offset checked against the end of the file. */
import { ByteBuffer } from "flatbuffers";
import { ConvertError } from "../errors.js";

const damaged = (): ConvertError =>
  new ConvertError("not a valid TFLite file: it ends too early or is damaged");

/**
 * A table of a FlatBuffers file. Fields have the numbers of the file's schema; one that is left out has its
 * default: 0, an empty list, or none.
 */
export class Table {
  private constructor(
    private readonly buffer: ByteBuffer,
    private readonly at: number,
    /** Elements of lists that may still be read: lists that share their bytes could be far more than the file. */
    private readonly budget: { left: number },
  ) {}

  /** The outermost table of a file. */
  static root(bytes: Uint8Array): Table {
    const buffer = new ByteBuffer(bytes);
    return new Table(buffer, Table.follow(buffer, 0), { left: 4 * bytes.length });
  }

  int8(field: number, fallback = 0): number {
    const at = this.find(field, 1);
    return at === undefined ? fallback : this.buffer.readInt8(at);
  }

  isSet(field: number): boolean {
    return this.int8(field) !== 0;
  }

  int32(field: number, fallback = 0): number {
    const at = this.find(field, 4);
    return at === undefined ? fallback : this.buffer.readInt32(at);
  }

  float32(field: number, fallback = 0): number {
    const at = this.find(field, 4);
    return at === undefined ? fallback : this.buffer.readFloat32(at);
  }

  uint64(field: number): number {
    const at = this.find(field, 8);
    return at === undefined ? 0 : Number(this.buffer.readUint64(at));
  }

  table(field: number): Table | undefined {
    const at = this.find(field, 4);
    return at === undefined ? undefined : this.tableAt(at);
  }

  bytes(field: number): Uint8Array {
    const { first, length } = this.list(field, 1);
    return this.buffer.bytes().subarray(first, first + length);
  }

  text(field: number): string {
    return new TextDecoder().decode(this.bytes(field));
  }

  int32s(field: number): number[] {
    return this.each(field, 4, (at) => this.buffer.readInt32(at));
  }

  int64s(field: number): number[] {
    return this.each(field, 8, (at) => Number(this.buffer.readInt64(at)));
  }

  float32s(field: number): number[] {
    return this.each(field, 4, (at) => this.buffer.readFloat32(at));
  }

  tables(field: number): Table[] {
    return this.each(field, 4, (at) => this.tableAt(at));
  }

  private tableAt(at: number): Table {
    return new Table(this.buffer, Table.follow(this.buffer, at), this.budget);
  }

  private each<T>(field: number, size: number, read: (at: number) => T): T[] {
    const { first, length } = this.list(field, size);
    this.budget.left -= length;
    if (this.budget.left < 0) throw damaged();
    return Array.from({ length }, (_, index) => read(first + index * size));
  }

  private list(field: number, size: number): { first: number; length: number } {
    const at = this.find(field, 4);
    if (at === undefined) return { first: 0, length: 0 };
    const start = Table.follow(this.buffer, at);
    const length = this.buffer.readUint32(start);
    if (start + 4 + length * size > this.buffer.capacity()) throw damaged();
    return { first: start + 4, length };
  }

  /** Where a field of `size` bytes is, or undefined where it is left out. */
  private find(field: number, size: number): number | undefined {
    const { buffer, at } = this;
    const vtable = at - buffer.readInt32(at);
    if (vtable < 0 || vtable + 4 > buffer.capacity()) throw damaged();
    const place = 4 + 2 * field;
    if (place + 2 > buffer.readUint16(vtable)) return undefined;
    if (vtable + place + 2 > buffer.capacity()) throw damaged();
    const offset = buffer.readUint16(vtable + place);
    if (offset === 0) return undefined;
    if (at + offset + size > buffer.capacity()) throw damaged();
    return at + offset;
  }

  /** Where the offset at a place leads to; there is room for four bytes. */
  private static follow(buffer: ByteBuffer, at: number): number {
    if (at + 4 > buffer.capacity()) throw damaged();
    const target = at + buffer.readUint32(at);
    if (target + 4 > buffer.capacity()) throw damaged();
    return target;
  }
}
