import { spawnSync } from "node:child_process";
import { decode } from "fast-png";
import { beforeAll, describe, expect, test } from "vitest";
import { overlay } from "../../../src/index.js";
import { decodeJpeg } from "../../../tools/image/jpeg.js";
import { markOf } from "../../../tools/segment/marks.js";
import { type OutputOptions, render } from "../../../tools/segment/outputs.js";
import { type Polygons, toPolygons } from "../../../tools/segment/polygons.js";
import { toCoco } from "../../../tools/segment/rle.js";
import { Random } from "../../fixtures/random.js";

const WIDTH = 83;
const HEIGHT = 61;
const classes = ["Sky", "Road", "Car", "Void"];
const palette = [
  [70, 130, 180],
  [128, 64, 128],
  [0, 0, 142],
  [0, 0, 0],
] as const;
const segmenter = { classes, palette };
const mark = markOf("test");

/** Regions with holes, islands, corners that touch, and single pixels. */
function drawMask(seed: number, width = WIDTH, height = HEIGHT): Uint8Array {
  const random = new Random(seed);
  const mask = new Uint8Array(width * height);
  for (let count = 0; count < 30; count++) {
    const id = random.integer(0, 2);
    const [cx, cy, r] = [random.integer(0, width), random.integer(0, height), random.integer(1, 20)];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) if ((x - cx) ** 2 + (y - cy) ** 2 < r * r) mask[y * width + x] = id;
    }
  }
  return mask;
}

const random = new Random(1);
const mask = drawMask(2);
const data = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, () => random.integer(0, 255));
const image = { data, width: WIDTH, height: HEIGHT, channels: 3 } as const;
const options: OutputOptions = { opacity: 0.5 };
const result = { segmenter, image, mask, photo: "street.png", mark };

describe("outputs", () => {
  test("a mask holds the class ids and the palette", async () => {
    const { data: ids, palette: colors } = decode(await render("mask", result, options));
    expect([...ids]).toEqual([...mask]);
    expect(colors).toEqual(palette);
  });

  test("an overlay with a legend is the overlay beside it", async () => {
    const plain = decode(await render("overlay", result, options)).data;
    const { data: pixels } = decode(await render("overlay", result, { ...options, legend: true }));
    const changed = [...pixels].flatMap((level, at) => (level === plain[at] ? [] : [Math.floor(at / 3)]));
    expect(changed.length).toBeGreaterThan(100);
    expect(changed.every((pixel) => Math.floor(pixel / WIDTH) > 5)).toBe(true);
  });

  test("an overlay of some classes leaves the others as they are", async () => {
    const whole = decode(await render("overlay", result, options)).data;
    const all = overlay(image, mask, palette, 0.5);
    expect([...whole]).toEqual([...all]);
    const some = decode(await render("overlay", result, { ...options, classes: [1] })).data;
    expect([...some]).toEqual(
      [...all].map((level, at) => (mask[Math.floor(at / 3)] === 1 ? level : data[at])),
    );
  });

  test("a JPEG photo gets a JPEG overlay, near the one without loss", async () => {
    const smooth = Uint8Array.from(data, (_, at) => 60 + (at % WIDTH));
    const soft = {
      ...result,
      image: { ...image, data: smooth },
      photo: "street.JPG",
      mask: new Uint8Array(mask.length).fill(1),
    };
    const { data: levels } = await decodeJpeg(await render("overlay", soft, options));
    const wanted = overlay(soft.image, soft.mask, palette, 0.5);
    let sum = 0;
    for (let at = 0; at < wanted.length; at++) {
      sum += Math.abs(levels[4 * Math.floor(at / 3) + (at % 3)]! - wanted[at]!);
    }
    expect(sum / wanted.length).toBeLessThan(8);
  });

  test("a cutout is transparent but for the classes chosen", async () => {
    const { data: cut } = decode(await render("cutout", result, { ...options, classes: [0, 2] }));
    for (let at = 0; at < mask.length; at++) {
      const pixel = [...cut.subarray(4 * at, 4 * at + 4)];
      expect(pixel).toEqual(mask[at] === 1 ? [0, 0, 0, 0] : [...data.subarray(3 * at, 3 * at + 3), 255]);
    }
  });

  test("a probability is grey", async () => {
    const probabilities = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, at) => at % 256);
    const { data: levels, channels } = decode(
      await render("probability", { ...result, probabilities }, options),
    );
    expect([channels, ...levels]).toEqual([1, ...probabilities]);
  });

  test.each(["mask", "overlay", "cutout", "polygons", "rle"] as const)(
    "%s carries the mark",
    async (output) => {
      for (const photo of ["a.png", "a.jpg"]) {
        const bytes = await render(output, { ...result, photo }, { ...options, classes: [0] });
        expect(Buffer.from(bytes.subarray(0, 200)).toString("latin1")).toContain(mark);
      }
    },
  );
});

/** The mask that polygons stand for: a pixel is of the class whose outlines its centre is in (even-odd). */
function rasterize({ features, width, height }: Polygons): Uint8Array {
  const drawn = new Uint8Array(width * height).fill(255);
  for (const { properties, geometry } of features) {
    const rings = geometry.coordinates.flat();
    for (let y = 0; y < height; y++) {
      const crossings: number[] = [];
      for (const ring of rings) {
        for (let i = 1; i < ring.length; i++) {
          const [[x0, y0], [x1, y1]] = [ring[i - 1]!, ring[i]!];
          if (y0 > y + 0.5 !== y1 > y + 0.5) crossings.push(x0 + ((y + 0.5 - y0) / (y1 - y0)) * (x1 - x0));
        }
      }
      crossings.sort((a, b) => a - b);
      for (let i = 0; i < crossings.length; i += 2) {
        for (let x = Math.ceil(crossings[i]! - 0.5); x + 0.5 < crossings[i + 1]!; x++) {
          drawn[y * width + x] = properties.id;
        }
      }
    }
  }
  return drawn;
}

describe("polygons", () => {
  test("drawn again they give 99 % of the pixels, with fewer points than there are edges", () => {
    for (let seed = 1; seed < 12; seed++) {
      const [width, height] = [300, 200];
      const drawn = drawMask(seed, width, height);
      const polygons = toPolygons(drawn, width, height, segmenter, [0, 1, 2, 3], mark);
      const again = rasterize(polygons);
      const same = drawn.reduce((count, id, at) => count + Number(id === again[at]), 0);
      expect(same / drawn.length).toBeGreaterThan(0.99);
    }
  });

  test("a ring has its hole, closed, inside the image, and counts its pixels", () => {
    const ring = new Uint8Array(20 * 20).fill(1);
    for (let y = 4; y < 16; y++) for (let x = 4; x < 16; x++) ring[y * 20 + x] = 0;
    for (let y = 8; y < 12; y++) for (let x = 8; x < 12; x++) ring[y * 20 + x] = 1;
    const { features } = toPolygons(ring, 20, 20, segmenter, [0, 1, 2], mark);
    expect(features.map(({ properties }) => properties)).toEqual([
      { id: 0, class: "Sky", color: "#4682b4", pixels: 144 - 16 },
      { id: 1, class: "Road", color: "#804080", pixels: 400 - 144 + 16 },
    ]);
    expect(features[0]!.geometry.coordinates.map((polygon) => polygon.length)).toEqual([2]);
    expect(features[1]!.geometry.coordinates.map((polygon) => polygon.length).sort()).toEqual([1, 2]);
    for (const { geometry } of features) {
      for (const corners of geometry.coordinates.flat()) {
        expect(corners[0]).toEqual(corners.at(-1));
        expect(corners.flat().every((place) => place >= 0 && place <= 20)).toBe(true);
      }
    }
  });

  test("a single pixel has a ring", () => {
    const dot = new Uint8Array(9).fill(1);
    dot[4] = 2;
    const [, car] = toPolygons(dot, 3, 3, segmenter, [1, 2], mark).features;
    expect(car!.geometry.coordinates[0]![0]!.length).toBeGreaterThan(3);
  });
});

/** The mask that compressed run lengths stand for, by the definition of the format. */
function unpack(counts: string, height: number, width: number): Uint8Array {
  const runs: number[] = [];
  for (let at = 0; at < counts.length; ) {
    let value = 0;
    let shift = 0;
    let code: number;
    do {
      code = counts.charCodeAt(at++) - 48;
      value |= (code & 31) << shift;
      shift += 5;
    } while (code & 32);
    if (code & 16) value |= -1 << shift;
    runs.push(runs.length > 2 ? value + runs[runs.length - 2]! : value);
  }
  const drawn = new Uint8Array(width * height);
  let place = 0;
  runs.forEach((run, index) => {
    for (let end = place + run; place < end; place++) {
      if (index % 2 === 1) drawn[(place % height) * width + Math.floor(place / height)] = 1;
    }
  });
  expect(place).toBe(width * height);
  return drawn;
}

describe("COCO's run lengths", () => {
  const coco = toCoco(mask, WIDTH, HEIGHT, classes, [0, 1, 2, 3], "street.png", mark);

  test("are the mask", () => {
    expect(coco.images).toEqual([{ id: 1, file_name: "street.png", width: WIDTH, height: HEIGHT }]);
    expect(coco.annotations.map(({ category_id }) => category_id)).toEqual([0, 1, 2]);
    for (const { category_id, segmentation, area, bbox } of coco.annotations) {
      const drawn = unpack(segmentation.counts, HEIGHT, WIDTH);
      expect([...drawn]).toEqual([...mask].map((id) => Number(id === category_id)));
      expect(area).toBe(mask.filter((id) => id === category_id).length);
      const places = [...mask].flatMap((id, at) => (id === category_id ? [at] : []));
      const [xs, ys] = [places.map((at) => at % WIDTH), places.map((at) => Math.floor(at / WIDTH))];
      const [left, top] = [Math.min(...xs), Math.min(...ys)];
      expect(bbox).toEqual([left, top, Math.max(...xs) - left + 1, Math.max(...ys) - top + 1]);
    }
  });

  const hasTools = spawnSync("python3", ["-c", "import pycocotools"]).status === 0;
  let decoded: { area: number; bbox: number[] }[];
  beforeAll(() => {
    const code = `
import json, sys
from pycocotools import mask
found = [a["segmentation"] for a in json.load(sys.stdin)["annotations"]]
print(json.dumps([dict(area=int(mask.area(s)), bbox=list(map(int, mask.toBbox(s)))) for s in found]))`;
    if (!hasTools) return;
    decoded = JSON.parse(
      spawnSync("python3", ["-c", code], { input: JSON.stringify(coco) }).stdout.toString(),
    );
  });
  test.skipIf(!hasTools)("are what pycocotools reads", () => {
    expect(decoded).toEqual(coco.annotations.map(({ area, bbox }) => ({ area, bbox })));
  });
});
