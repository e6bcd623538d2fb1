import { describe, expect, test } from "vitest";
import { Confusion } from "../../../tools/evaluate/index.js";
import { drawHistogram, drawLines, ticks } from "../../../tools/evaluate/report/charts.js";
import { drawClasses, drawMatrix } from "../../../tools/evaluate/report/classes.js";
import { shrink } from "../../../tools/evaluate/report/examples.js";
import type { Picture } from "../../../tools/image/index.js";

/** What all matches of a pattern's first group say. */
const all = (html: string, pattern: RegExp) => [...html.matchAll(pattern)].map(([, group]) => group!);

describe("charts", () => {
  test.each([
    [0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0.31, 2.4, 5, [0, 0.5, 1, 1.5, 2, 2.5]],
    [75.3, 95.9, 20, [74, 76, 78, 80, 82, 84, 86, 88, 90, 92, 94, 96]],
    [0, 100, 20, Array.from({ length: 21 }, (_, at) => 5 * at)],
  ])("ticks from %d to %d", (low, high, most, expected) => {
    expect(ticks(low, high, most)).toEqual(expected);
  });

  test.each([0, 0.875, 1])("ticks for one value, %d, are a short stretch around it", (value) => {
    const marks = ticks(value, value, 20);
    expect(marks[0]).toBeLessThanOrEqual(value);
    expect(marks.at(-1)).toBeGreaterThanOrEqual(value);
    expect(new Set(marks).size).toBe(marks.length);
    expect(marks.length).toBeGreaterThan(1);
  });

  test("a histogram counts every share once", () => {
    const shares = [0, 0.04, 0.05, 0.0999, 0.5, 1, 1];
    const html = drawHistogram(shares);
    expect(all(html, /title="(\d+ to \d+ %: \d+)"/g).filter((bar) => !bar.endsWith(": 0"))).toEqual([
      "0 to 5 %: 2",
      "5 to 10 %: 2",
      "50 to 55 %: 1",
      "95 to 100 %: 2",
    ]);
    expect(all(html, /height:([\d.]+)%/g)).toHaveLength(20);
    expect(all(drawHistogram([0.9, 0.9]), /<b>(\d+)<\/b>/g)).toEqual(["2"]);
  });

  test("lines go from the first epoch to the last, high values up", () => {
    const line = { name: "a<b", points: [[0, 1] as const, [5, 3] as const, [10, 2] as const] };
    const html = drawLines("Loss", [line, { name: "validation", points: [] }]);
    expect(all(html, /class="line line\d" d="([^"]*)"/g)).toEqual(["M0.00 100.00L50.00 0.00L100.00 50.00"]);
    expect(html).toContain("a&#60;b: 2.000");
    expect(html).not.toContain("validation");
    expect(drawLines("Loss", [])).toBe("");
  });
});

describe("classes", () => {
  const names = ["Road", "<Sky>", "Car", "Boat"];
  const confusion = new Confusion(4);
  confusion.add(Uint8Array.of(0, 0, 0, 0, 1, 1), Uint8Array.of(0, 0, 0, 1, 1, 2));

  test("rows of the matrix are labels, and shares of a row add up to 100", () => {
    const html = drawMatrix(confusion, names);
    expect(all(html, /<title>([^<]*)<\/title>/g)).toEqual([
      "Road taken for Road: 75.00 %",
      "Road taken for &#60;Sky&#62;: 25.00 %",
      "&#60;Sky&#62; taken for &#60;Sky&#62;: 50.00 %",
      "&#60;Sky&#62; taken for Car: 50.00 %",
    ]);
    expect(all(html, /class="row"[^>]*>([^<]*)</g)).toEqual(["Road", "&#60;Sky&#62;"]);
    expect(all(html, /class="column"[^>]*>([^<]*)</g)).toEqual(["Road", "&#60;Sky&#62;", "Car"]);
    expect(all(html, /fill-opacity="([^"]*)"/g)).toEqual(["0.750", "0.250", "0.500", "0.500"]);
  });

  test("bars are as long as the IoU, and classes without labels have none", () => {
    const palette = names.map((_, id) => [id, id, id] as const);
    const html = drawClasses(confusion.scores(names).perClass, palette);
    // Road: 3 of 4 + 3 - 3; Sky: 1 of 2 + 2 - 1.
    expect(all(html, /width:([\d.]+)%/g)).toEqual(["75.0", "33.3"]);
    expect(all(html, /<\/i>([^<]*)<\/th>/g)).toEqual(["Road", "&#60;Sky&#62;"]);
  });
});

describe("shrink", () => {
  test("takes the mean of the pixels covered", () => {
    const data = Uint8Array.from({ length: 4 * 2 * 4 }, (_, at) => [10 * (at >> 2), 1, 2, 99][at % 4]!);
    const picture: Picture = { data, width: 4, height: 2, channels: 4 };
    const small = shrink(picture, 2);
    expect(small).toEqual({ data: Uint8Array.of(25, 1, 2, 45, 1, 2), width: 2, height: 1, channels: 3 });
  });

  test("a grey picture that is small enough keeps its size", () => {
    const picture: Picture = { data: Uint8Array.of(7, 9), width: 1, height: 2, channels: 1 };
    expect([...shrink(picture, 320).data]).toEqual([7, 7, 7, 9, 9, 9]);
    expect(shrink({ data: new Uint8Array(5000), width: 5000, height: 1, channels: 1 }, 320)).toMatchObject({
      width: 320,
      height: 1,
    });
  });
});
