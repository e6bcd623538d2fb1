import { expectModel, ModelError } from "./errors.js";

/** Red, green, blue, 0..255. */
export type Color = readonly [number, number, number];

/** What a model file says of itself. */
export interface Metadata {
  readonly name: string;
  /** Name of each class id. */
  readonly classes: readonly string[];
  readonly palette: readonly Color[];
  /** Quantisation of the input: real value = scale * (q - zero), q = colour value - 128, channels in RGB order. */
  readonly input: { readonly scale: number; readonly zero: number; readonly order: "RGB" };
  /** Name of each activation tensor, where the converter kept them. */
  readonly tensors?: readonly string[];
  readonly provenance: Readonly<Record<string, unknown>>;
}

/** Objects and lists inside each other: more would exhaust the stack of whoever walks them. */
const MAX_DEPTH = 32;

/**
 * Parses the metadata of a model file.
 *
 * @throws ModelError if it is not JSON, nested deeper than 32 levels, or a field has the wrong form
 */
export function parseMetadata(bytes: Uint8Array): Metadata {
  let metadata: Record<string, unknown>;
  try {
    metadata = JSON.parse(decodeText(bytes));
  } catch {
    throw new ModelError("metadata: not valid JSON");
  }
  expectModel(isRecord(metadata), "metadata: expected an object");
  const { name, classes, palette, input, tensors, provenance } = metadata;
  const valid = {
    name: isText(name),
    classes: isList(classes, isText),
    palette: isList(palette, isColor) && isList(classes, isText) && palette.length === classes.length,
    input:
      isRecord(input) && Number.isFinite(input.scale) && Number.isFinite(input.zero) && input.order === "RGB",
    tensors: tensors === undefined || isList(tensors, isText),
    provenance: isRecord(provenance) && isShallow(metadata, MAX_DEPTH),
  };
  for (const [field, holds] of Object.entries(valid)) {
    expectModel(holds, `metadata: "${field}" is missing or has the wrong form`);
  }
  return metadata as unknown as Metadata;
}

/** UTF-8 to text with nothing but the language itself: hosts without WebAssembly often lack TextDecoder too. */
function decodeText(bytes: Uint8Array): string {
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((entry) => isShallow(entry, depth - 1));
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isList(value: unknown, isEntry: (entry: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(isEntry);
}

function isColor(value: unknown): boolean {
  const isLevel = (level: unknown) =>
    Number.isInteger(level) && (level as number) >= 0 && (level as number) <= 255;
  return isList(value, isLevel) && value.length === 3;
}
