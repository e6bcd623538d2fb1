import { describe, expect, it } from "vitest";
import { parseCard } from "../../src/card.js";
import { ModelError } from "../../src/errors.js";

const CARD = {
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

describe("parseCard", () => {
  it("gives the card back, with and without names of tensors", () => {
    expect(parseCard(encode(CARD))).toEqual(CARD);
    const named = { ...CARD, tensors: ["input", "scores"], provenance: { sha256: "00", epochs: 3 } };
    expect(parseCard(encode(named))).toEqual(named);
  });

  it("keeps names in any script", () => {
    const card = { ...CARD, name: "Straße", classes: ["道路", "небо"] };
    expect(parseCard(encode(card))).toEqual(card);
  });

  it.each<[string, unknown]>([
    ["a list", [CARD]],
    ["null", null],
    ["a number", 3],
    ["no name", { ...CARD, name: undefined }],
    ["a name that is no string", { ...CARD, name: 1 }],
    ["no classes", { ...CARD, classes: undefined }],
    ["classes that are no list", { ...CARD, classes: { 0: "road", length: 1 } }],
    ["a class that is no string", { ...CARD, classes: ["road", 2] }],
    ["fewer colours than classes", { ...CARD, palette: [[0, 0, 0]] }],
    ["a colour of two levels", { ...CARD, palette: [[0, 0], CARD.palette[1]] }],
    ["a level of 256", { ...CARD, palette: [[0, 0, 256], CARD.palette[1]] }],
    ["a negative level", { ...CARD, palette: [[0, 0, -1], CARD.palette[1]] }],
    ["a level of a half", { ...CARD, palette: [[0, 0, 0.5], CARD.palette[1]] }],
    ["no input", { ...CARD, input: undefined }],
    ["an input in BGR order", { ...CARD, input: { ...CARD.input, order: "BGR" } }],
    ["an input without scale", { ...CARD, input: { zero: -128, order: "RGB" } }],
    ["names of tensors that are no list", { ...CARD, tensors: "input" }],
    ["a name of a tensor that is no string", { ...CARD, tensors: [1] }],
    ["no provenance", { ...CARD, provenance: undefined }],
    ["provenance that is a list", { ...CARD, provenance: [] }],
  ])("refuses %s", (_, value) => {
    expect(() => parseCard(encode(value))).toThrow(ModelError);
  });

  it("refuses what is not JSON, and what is not UTF-8", () => {
    for (const text of ["", "{", "undefined"]) {
      expect(() => parseCard(new TextEncoder().encode(text))).toThrow("card: not valid JSON");
    }
    expect(() => parseCard(Uint8Array.of(0x22, 0xff, 0x22))).toThrow("card: not valid JSON");
  });
});
