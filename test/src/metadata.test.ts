import { describe, expect, it } from "vitest";
import { ModelError } from "../../src/errors.js";
import { parseMetadata } from "../../src/metadata.js";

const METADATA = {
  name: "streets",
  classes: ["road", "sky"],
  palette: [
    [128, 64, 128],
    [0, 0, 255],
  ],
  input: { scale: 1 / 255, zero: -128, order: "RGB" },
  provenance: {},
};

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe("parseMetadata", () => {
  it("gives the metadata back, with and without names of tensors", () => {
    expect(parseMetadata(encode(METADATA))).toEqual(METADATA);
    const named = { ...METADATA, tensors: ["input", "logits"], provenance: { sha256: "00", epochs: 3 } };
    expect(parseMetadata(encode(named))).toEqual(named);
  });

  it("keeps names in any script", () => {
    const metadata = { ...METADATA, name: "Straße", classes: ["道路", "небо"] };
    expect(parseMetadata(encode(metadata))).toEqual(metadata);
  });

  it.each<[string, unknown]>([
    ["a list", [METADATA]],
    ["null", null],
    ["a number", 3],
    ["no name", { ...METADATA, name: undefined }],
    ["a name that is no string", { ...METADATA, name: 1 }],
    ["no classes", { ...METADATA, classes: undefined }],
    ["classes that are no list", { ...METADATA, classes: { 0: "road", length: 1 } }],
    ["a class that is no string", { ...METADATA, classes: ["road", 2] }],
    ["fewer colours than classes", { ...METADATA, palette: [[0, 0, 0]] }],
    ["a colour of two levels", { ...METADATA, palette: [[0, 0], METADATA.palette[1]] }],
    ["a level of 256", { ...METADATA, palette: [[0, 0, 256], METADATA.palette[1]] }],
    ["a negative level", { ...METADATA, palette: [[0, 0, -1], METADATA.palette[1]] }],
    ["a level of a half", { ...METADATA, palette: [[0, 0, 0.5], METADATA.palette[1]] }],
    ["no input", { ...METADATA, input: undefined }],
    ["an input in BGR order", { ...METADATA, input: { ...METADATA.input, order: "BGR" } }],
    ["an input without scale", { ...METADATA, input: { zero: -128, order: "RGB" } }],
    ["names of tensors that are no list", { ...METADATA, tensors: "input" }],
    ["a name of a tensor that is no string", { ...METADATA, tensors: [1] }],
    ["no provenance", { ...METADATA, provenance: undefined }],
    ["provenance that is a list", { ...METADATA, provenance: [] }],
  ])("refuses %s", (_, value) => {
    expect(() => parseMetadata(encode(value))).toThrow(ModelError);
  });

  it("refuses what is not JSON, and what is not UTF-8", () => {
    for (const text of ["", "{", "undefined"]) {
      expect(() => parseMetadata(new TextEncoder().encode(text))).toThrow("metadata: not valid JSON");
    }
    expect(() => parseMetadata(Uint8Array.of(0x22, 0xff, 0x22))).toThrow("metadata: not valid JSON");
  });
});
