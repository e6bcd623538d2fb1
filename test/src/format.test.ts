/** The example of src/format.md is a file, and gives what the text says. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Segmenter } from "../../src/index.js";
import { parseModel } from "../../src/model.js";
import { writeModel } from "../../tools/convert/aseg/write.js";

const [, example] = /## Example\n.*?```\n(.*?)```/s.exec(readFileSync("src/format.md", "utf8"))!;

/** The bytes of the listing: an address, then bytes in hexadecimal or text in JSON. */
function bytesOf(listing: string): Uint8Array {
  const bytes = new Uint8Array(513);
  for (const [, address, content] of listing.matchAll(
    /^ *(\d+) {2}(\{.*\}|(?:[0-9a-f]{2} {1,2})*[0-9a-f]{2})/gm,
  )) {
    const isText = content!.startsWith("{");
    const values = isText
      ? Buffer.from(content!)
      : content!.split(/ +/).map((byte) => Number.parseInt(byte, 16));
    bytes.set(values, Number(address));
  }
  return bytes;
}

const bytes = bytesOf(example!);

test("the example of the format is a valid file, and the one that is written for its model", () => {
  const model = parseModel(bytes);
  expect(model.tensors.map(({ channels }) => channels)).toEqual([3, 2, 1]);
  expect([...model.ops[1]!.weights]).toEqual([0, 0, 0, -32, 0, 64]);
  expect([...model.ops[1]!.bias]).toEqual([4080, 4096]);
  expect(Buffer.from(writeModel(model))).toEqual(Buffer.from(bytes));
});

test("the example of the format gives the logits and classes of its table", async () => {
  using segmenter = await Segmenter.load(bytes);
  const data = Uint8Array.of(0, 0, 255, 100, 100, 100);
  const { mask, logits } = segmenter.segment({ data, width: 2, height: 1 }, { logits: true });
  expect([...logits!.data]).toEqual([16, 64, 16, 13]);
  expect([...mask].map((id) => segmenter.classes[id])).toEqual(["sky", "road"]);
});
