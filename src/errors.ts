/** A model file that is damaged, unsupported or not a model at all. The message names the part at fault. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}

/** Throws a ModelError with the message unless the condition holds. */
export function expectModel(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ModelError(message);
}

/** A host that cannot do what was asked; the message says what would help. */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
}

/**
 * Returns `value` if it is an integer of `first`..`last` (inclusive).
 *
 * @throws TypeError if it is not a number, RangeError if it lies outside.
 */
export function expectInteger(name: string, value: unknown, first: number, last: number): number {
  if (typeof value !== "number") {
    throw new TypeError(`"${name}" expected a number, got ${describe(value)}`);
  }
  if (!Number.isInteger(value) || value < first || value > last) {
    throw new RangeError(`"${name}" expected an integer from ${first} to ${last}, got ${value}`);
  }
  return value;
}

/** A short name of what a value is, for messages: a string itself, else its class. */
export function describe(value: unknown): string {
  return typeof value === "string" ? `"${shorten(value)}"` : (value?.constructor?.name ?? String(value));
}

/** The start of a text that is too long for a message, such as a `data:` address. */
export function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 80)}... (${text.length} characters)` : text;
}

/** What a value is by the language's own mark, which arrays of another window or test environment have too. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/**
 * The bytes of an array that a caller has given, as an array of this realm over the same memory.
 *
 * @throws TypeError unless it is a Uint8Array (a Buffer is one) or Uint8ClampedArray, of any realm
 */
export function expectBytes(name: string, value: unknown, hint = ""): Uint8Array {
  if (!isBytes(value))
    throw new TypeError(`"${name}" expected a Uint8Array (8 bits), got ${describe(value)}${hint}`);
  return new Uint8Array(value.buffer, value.byteOffset, value.length);
}

/** Whether a value is a Uint8Array or Uint8ClampedArray of any realm. */
export function isBytes(value: unknown): value is Uint8Array | Uint8ClampedArray {
  return ArrayBuffer.isView(value) && /^Uint8(Clamped)?Array$/.test(tagOf(value));
}
