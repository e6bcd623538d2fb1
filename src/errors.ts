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
  return typeof value === "string" ? `"${value}"` : (value?.constructor?.name ?? String(value));
}
