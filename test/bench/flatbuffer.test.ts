import { expect, it } from "vitest";
import { writeFlatBuffer } from "../../bench/networks/flatbuffer.js";
import { Random } from "../fixtures/random.js";
import { readTable } from "./flatbuffer-reader.js";

it("gives back what was written, with every number aligned", () => {
  const random = new Random(3);
  for (let trial = 0; trial < 50; trial++) {
    const data = random.uint8(random.integer(0, 70_000));
    const ints = Int32Array.from({ length: random.integer(0, 9) }, () => random.word() | 0);
    const floats = Float32Array.from({ length: random.integer(0, 9) }, () => random.integer(-99, 99) / 8);
    const name = "x".repeat(random.integer(0, 9));
    const bytes = writeFlatBuffer(
      [
        [0, "byte", 200],
        [3, "int", -5],
        [1, "offset", { values: data }],
        [2, "offset", undefined],
        [6, "offset", { tables: [[[0, "offset", { values: ints }]], [], [[1, "offset", { text: name }]]] }],
        [7, "offset", { table: [[0, "offset", { values: floats }]] }],
      ],
      "TEST",
    );
    const root = readTable(bytes);
    expect(root.byte(0)).toBe(200);
    expect(root.int(3)).toBe(-5);
    expect(root.has(2)).toBe(false);
    expect(Buffer.compare(root.bytes(1), data)).toBe(0);
    const [first, second, third] = root.tables(6);
    expect(first!.ints(0)).toEqual([...ints]);
    expect(second!.has(0)).toBe(false);
    expect(third!.text(1)).toBe(name);
    expect(root.table(7).floats(0)).toEqual([...floats]);
  }
});
