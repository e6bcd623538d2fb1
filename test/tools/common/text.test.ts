import { describe, expect, test } from "vitest";
import { oneLine, printable } from "../../../tools/common/text.js";

describe("printable", () => {
  test("leaves text in any script alone", () => {
    const text = "Straße, 道路, طريق, דרך, 😀\n\tb";
    expect(printable(text)).toBe(text);
  });

  test("writes every control and every mark that reorders text as an escape", () => {
    expect(printable("a\x1b[2Jb\u009b2Jc\x07\r\x7f")).toBe("a\\u001b[2Jb\\u009b2Jc\\u0007\\u000d\\u007f");
    expect(printable("photo\u202egpj.exe\u2066\u200f\ufeff")).toBe(
      "photo\\u202egpj.exe\\u2066\\u200f\\ufeff",
    );
    expect(printable("\ud800x\udc00")).toBe("\\ud800x\\udc00");
    for (let code = 0; code < 0xa0; code++) {
      const isText = (code >= 0x20 && code < 0x7f) || code === 9 || code === 10;
      const character = String.fromCharCode(code);
      expect(printable(character) === character).toBe(isText);
    }
  });

  test("keeps JSON what it was", () => {
    const value = { name: "a\u009b31mb\u202ec\u2028\x7f", list: ["\n"] };
    const text = printable(JSON.stringify(value, null, 2));
    expect(JSON.parse(text)).toEqual(value);
    expect(text).not.toMatch(/[\u0080-\u009f\u202e]/);
  });
});

test("oneLine writes line feeds out too", () => {
  expect(oneLine("a\nb\tc")).toBe("a\\nb\\tc");
});
