import { expect, test } from "vitest";
import type { Color } from "../../../src/index.js";
import { hasInk, spell } from "../../../tools/segment/font.js";
import { drawLegend } from "../../../tools/segment/legend.js";

const classes = ["Sky", "Road", "LaneMkgs"];
const palette: Color[] = [
  [70, 130, 180],
  [128, 64, 128],
  [90, 0, 142],
];

/** A legend on black: the mask is Sky in its upper quarter, below Road, one pixel LaneMkgs. */
function draw(width: number, height: number, chosen: readonly number[]) {
  const data = new Uint8Array(width * height * 3);
  const mask = Uint8Array.from({ length: width * height }, (_, at) => Number(at * 4 >= width * height));
  mask[mask.length - 1] = 2;
  drawLegend({ data, width, height, channels: 3 }, mask, classes, palette, chosen);
  return (x: number, y: number) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
}

test("the classes stand in the lower left corner, the largest first, each beside its colour", () => {
  const at = draw(120, 90, [0, 1, 2]);
  const column = Array.from({ length: 90 }, (_, y) => at(6, y));
  const order = [1, 0, 2].map((id) => column.findIndex((color) => `${color}` === `${palette[id]}`));
  expect(order.every((y) => y >= 0)).toBe(true);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(at(60, 10)).toEqual([0, 0, 0]);
  expect(at(119, 89)).toEqual([0, 0, 0]);
});

test("names can be read", () => {
  const rows = (word: string) =>
    Array.from({ length: 7 }, (_, y) =>
      Array.from(word, (letter) =>
        Array.from({ length: 5 }, (_, x) => (hasInk(letter, x, y) ? "#" : " ")).join(""),
      ).join(" "),
    );
  expect(rows(spell("Sky"))).toEqual([
    " #### #   # #   #",
    "#     #  #  #   #",
    "#     # #    # # ",
    " ###  ##      #  ",
    "    # # #     #  ",
    "    # #  #    #  ",
    "####  #   #   #  ",
  ]);
  expect(spell("SUVPickup_truck")).toBe("SUV PICKUP TRUCK");
  expect(spell("Straße 木\u001b")).toBe("STRASSE ??");
});

test("what does not fit is counted, classes that are not chosen are left out, and small images stay as they are", () => {
  const has = (at: ReturnType<typeof draw>, id: number, height: number) =>
    Array.from({ length: height }, (_, y) => `${at(6, y)}`).includes(`${palette[id]}`);
  const two = draw(120, 27, [0, 1, 2]);
  expect([0, 1, 2].map((id) => has(two, id, 27))).toEqual([false, true, false]);
  const one = draw(120, 90, [2]);
  expect([0, 1, 2].map((id) => has(one, id, 90))).toEqual([false, false, true]);
  for (const [width, height] of [
    [1, 1],
    [12, 40],
    [200, 12],
  ] as const) {
    const at = draw(width, height, [0, 1, 2]);
    expect(at(0, height - 1)).toEqual([0, 0, 0]);
  }
});
