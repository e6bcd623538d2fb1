import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "fast-png";
import { describe, expect, test, vi } from "vitest";
import { overlay } from "../../../src/index.js";
import { expectFailure, FIXTURE, STREET, segmentHere, Workplace } from "../command.js";
import { buildJpeg, buildPng, type PngParts } from "../image/encode.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();
const photo = place.write("street.png", buildPng(STREET));

describe("attendseg segment", () => {
  test("writes the mask that the library computes, with the palette, and the overlay", async () => {
    const { code, text, err } = place.run(["segment", photo, "-o", "results/new", "--opacity", "0.25"]);
    expect([code, err]).toEqual([0, ""]);
    const { data } = decode(readFileSync(photo));
    const { segmenter, mask } = await segmentHere(data as Uint8Array, 90, 70, 3);
    const folder = join(place.folder, "results/new");
    expect(readdirSync(folder).sort()).toEqual(["street.mask.png", "street.overlay.png"]);
    const written = decode(readFileSync(join(folder, "street.mask.png")));
    expect([...written.data]).toEqual([...mask]);
    expect(written.palette).toEqual(segmenter.palette);
    const laid = overlay({ data: data as Uint8Array, width: 90, height: 70 }, mask, segmenter.palette, 0.25);
    expect([...decode(readFileSync(join(folder, "street.overlay.png"))).data]).toEqual([...laid]);
    const shares = [...text.matchAll(/^ (class \d) +([\d.]+) %$/gm)].map(([, name, share]) => [
      name,
      Number(share),
    ]);
    expect(shares.map(([, share]) => share)).toEqual(
      shares.map(([, share]) => share).sort((a, b) => +b! - +a!),
    );
    expect(shares.reduce((sum, [, share]) => sum + +share!, 0)).toBeCloseTo(100, 0);
    expect(text).toMatch(/street\.png: 90x70, [\d.]+ ms\n/);
  });

  test("writes what --only names, of the classes that --classes names", async () => {
    const words = [
      "segment",
      photo,
      "-o",
      "chosen",
      "--only",
      "rle,probability,cutout",
      "--classes",
      "CLASS 1",
    ];
    expect(place.run([...words, "--quiet"])).toMatchObject({ code: 0, err: "", text: "" });
    const folder = join(place.folder, "chosen");
    const names = ["street.cutout.png", "street.probability.png", "street.rle.json"];
    expect(readdirSync(folder).sort()).toEqual(names);
    const { segmenter } = await segmentHere(new Uint8Array(3), 1, 1, 3);
    const { data } = decode(readFileSync(photo));
    const street = { data: data as Uint8Array, width: 90, height: 70 };
    const { probabilities, mask } = segmenter.segment(street, { probabilities: 1 });
    expect([...decode(readFileSync(join(folder, names[1]!))).data]).toEqual([...probabilities!]);
    const coco = JSON.parse(readFileSync(join(folder, names[2]!), "utf8"));
    expect(coco.categories).toEqual([{ id: 1, name: "class 1" }]);
    const area = mask.filter((id) => id === 1).length;
    expect(coco.annotations.map((found: { area: number }) => found.area)).toEqual(area > 0 ? [area] : []);
    expectFailure(
      place.run([...words, "--classes", "bus"]),
      2,
      "--classes: there is no bus; the model has class 0",
    );
  });

  test("reads every kind of PNG", async () => {
    const gray = (x: number, y: number) => STREET.sample(x, y, 0);
    const kinds: Record<string, { png: Partial<PngParts>; pixel: (x: number, y: number) => number[] }> = {
      rgb: { png: {}, pixel: (x, y) => [0, 1, 2].map((c) => STREET.sample(x, y, c)) },
      rgba: { png: { type: 6 }, pixel: (x, y) => [0, 1, 2].map((c) => STREET.sample(x, y, c)) },
      deep: {
        png: { depth: 16, sample: (x, y, c) => STREET.sample(x, y, c) * 256 + 99 },
        pixel: (x, y) => [0, 1, 2].map((c) => STREET.sample(x, y, c)),
      },
      gray: { png: { type: 0 }, pixel: (x, y) => [gray(x, y), gray(x, y), gray(x, y)] },
      grayAlpha: { png: { type: 4 }, pixel: (x, y) => [gray(x, y), gray(x, y), gray(x, y)] },
    };
    const paths = Object.entries(kinds).map(([name, { png }]) => {
      return place.write(`kinds/${name}.png`, buildPng({ ...STREET, interlaced: name === "rgba", ...png }));
    });
    expect(place.run(["segment", ...paths, "-o", "kinds"])).toMatchObject({ code: 0, err: "" });
    for (const [name, { pixel }] of Object.entries(kinds)) {
      const rgb = Array.from({ length: 90 * 70 }, (_, at) => pixel(at % 90, Math.floor(at / 90))).flat();
      const { mask } = await segmentHere(Uint8Array.from(rgb), 90, 70, 3);
      const written = decode(readFileSync(join(place.folder, "kinds", `${name}.mask.png`)));
      expect(Buffer.compare(Buffer.from(written.data as Uint8Array), Buffer.from(mask)), name).toBe(0);
    }
  });

  test.each([
    ["1x1.png", buildPng({ ...STREET, width: 1, height: 1 }), [1, 1]],
    ["1x5000.png", buildPng({ ...STREET, width: 1, height: 5000 }), [1, 5000]],
    ["5000x1.jpg", buildJpeg({ width: 5000, height: 1, components: 3 }), [5000, 1]],
    ["12000x9000.jpg", buildJpeg({ width: 12000, height: 9000 }), [12000, 9000]],
    ["upright.jpg", buildJpeg({ width: 24, height: 16, orientation: 6 }), [16, 24]],
  ])(
    "%s",
    (name, bytes, size) => {
      const path = place.write(`sizes/${name}`, bytes);
      const words = ["segment", path, "-o", "sizes", "--overlay", "png", "--max-pixels", "110000000"];
      expect(place.run(words)).toMatchObject({ code: 0, err: "" });
      for (const kind of ["mask", "overlay"]) {
        const written = readFileSync(path.replace(/\.\w+$/, `.${kind}.png`));
        expect([written.readUInt32BE(16), written.readUInt32BE(20)]).toEqual(size);
      }
    },
    120_000,
  );

  const png = buildPng(STREET);
  const jpeg = buildJpeg({ width: 40, height: 40, components: 3 });

  test.each([
    ["cut.png", png.subarray(0, png.length / 2), "the PNG file is cut off"],
    ["cut.jpg", jpeg.subarray(0, jpeg.length - 20), "the JPEG file is cut off"],
    ["header.jpg", jpeg.subarray(0, 100), "the JPEG file is cut off"],
    [
      "cmyk.jpg",
      buildJpeg({ width: 8, height: 8, components: 4 }),
      "CMYK JPEG images are read with the package sharp: npm install sharp",
    ],
    [
      "large.jpg",
      buildJpeg({ width: 12000, height: 9000 }),
      "12000x9000 is more than 100 million pixels, the limit (segment: --max-pixels)",
    ],
    ["zero.png", buildPng({ ...STREET, width: 0 }), "the image has no pixels (0x70)"],
    ["zero.jpg", buildJpeg({ width: 0, height: 8 }), "the image has no pixels (0x8)"],
    [
      "huge.png",
      buildPng({ ...STREET, width: 16385, height: 1 }),
      "16385x1 is larger than 16384 pixels a side",
    ],
    ["empty.jpg", "", "the file is empty"],
    ["page.png", "<!doctype html><title>404</title>", "this is an HTML page; read are PNG"],
    ["model.png", FIXTURE, "this is a model file; read are PNG"],
  ])("%s is refused, and nothing is written", (name, content, reason) => {
    const path = place.write(`broken/${name}`, content);
    expectFailure(place.run(["segment", path, "-o", "refused"]), 1, `attendseg: ${path}: ${reason}`);
    expect(readdirSync(join(place.folder, "refused"))).toEqual([]);
  });

  test("a broken photo among others is reported, the others go on, and the exit code is 1", () => {
    const cut = place.write("mixed/cut.png", png.subarray(0, 99));
    const nothing = join(place.package, "models");
    const outcome = place.run(["segment", "missing.png", cut, photo, nothing, "-o", "mixed/out"]);
    expect(outcome.code).toBe(1);
    expect(outcome.err.split("\n")).toEqual([
      "attendseg: missing.png: no such file or folder",
      `attendseg: ${cut}: the PNG file is cut off`,
      `attendseg: ${nothing}: there are no images`,
      "",
    ]);
    expect(outcome.text).toContain("street.png: 90x70");
    expect(readdirSync(join(place.folder, "mixed/out")).sort()).toEqual([
      "street.mask.png",
      "street.overlay.png",
    ]);
    const json = JSON.parse(place.run(["segment", cut, photo, "-o", "mixed/out", "--json"]).text);
    expect(json).toMatchObject({
      model: "attendseg-streets.aseg",
      variant: "simd",
      input: { width: 64, height: 48 },
    });
    expect(json.photos).toMatchObject([
      { photo: cut, error: `${cut}: the PNG file is cut off` },
      { photo, width: 90, height: 70, mask: "mixed/out/street.mask.png" },
    ]);
    const shares: { share: number }[] = json.photos[1].shares;
    expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
  });

  test("output that cannot be written fails in one line and leaves no half-written file", () => {
    const file = place.write("unwritable/file", "");
    expectFailure(
      place.run(["segment", photo, "-o", file]),
      1,
      `attendseg: ${file}: exists and is not a folder`,
    );
    expectFailure(place.run(["segment", photo, "-o", join(file, "below")]), 1, "is not a folder");
    mkdirSync(join(place.folder, "unwritable/out/street.mask.png"), { recursive: true });
    const blocked = place.run(["segment", photo, "-o", "unwritable/out"]);
    expectFailure(blocked, 1, "attendseg: unwritable/out/street.mask.png: is a folder, not a file");
    expect(readdirSync(join(place.folder, "unwritable/out"))).toEqual(["street.mask.png"]);
  });

  test.each([
    ["empty.aseg", "", /the file is empty/],
    ["page.aseg", "<!DOCTYPE html><html></html>", /page, not a model/],
    ["photo.aseg", png, /ASEG/],
    ["cut.aseg", FIXTURE.subarray(0, 5000), /header promises|bytes/],
    ["damaged.aseg", FIXTURE.map((byte, at) => (at === 4000 ? byte ^ 1 : byte)), /checksum/],
    ["version.aseg", FIXTURE.map((byte, at) => (at === 4 ? 9 : byte)), /version 9/],
  ])("model %s is refused", (name, content, reason) => {
    const path = place.write(`models/${name}`, content);
    for (const words of [
      ["segment", photo, "-m", path],
      ["inspect", path],
      ["evaluate", path, "--images", place.folder, "--labels", place.folder],
    ]) {
      const outcome = place.run(words);
      expectFailure(outcome, 1, `attendseg: ${path}: `);
      expect(outcome.err).toMatch(reason);
    }
  });

  test("a missing model and a folder as a model", () => {
    expectFailure(place.run(["segment", photo, "-m", "none.aseg"]), 1, "none.aseg: no such file or folder");
    expectFailure(place.run(["inspect", place.folder]), 1, `${place.folder}: is a folder, not a file`);
  });

  test("standard input to standard output", () => {
    const mask = place.run(["segment", "-", "-o", "-"], png);
    expect(mask.code).toBe(0);
    expect(mask.err).toContain("-: 90x70");
    place.run(["segment", photo, "-o", "piped"]);
    expect(Buffer.compare(mask.out, readFileSync(join(place.folder, "piped/street.mask.png")))).toBe(0);
    expectFailure(
      place.run(["segment", "-", "-o", "-"], png.subarray(0, 60)),
      1,
      "standard input: the PNG file is",
    );
    expect(place.run(["segment", photo, "-m", "-", "-o", "piped"], FIXTURE).code).toBe(0);
  });

  test("scalar and simd and any input size work, and both agree", () => {
    for (const size of ["64x48", "256x256", "640x480"]) {
      for (const variant of ["scalar", "simd"]) {
        const words = [
          "segment",
          photo,
          "--size",
          size,
          "--variant",
          variant,
          "-o",
          `${size}-${variant}`,
          "--json",
        ];
        const outcome = place.run(words);
        expect(outcome).toMatchObject({ code: 0, err: "" });
        const [width, height] = size.split("x").map(Number);
        expect(JSON.parse(outcome.text)).toMatchObject({ variant, input: { width, height } });
      }
      const [scalar, simd] = ["scalar", "simd"].map((variant) => {
        return readFileSync(join(place.folder, `${size}-${variant}`, "street.mask.png"));
      });
      expect(Buffer.compare(scalar!, simd!)).toBe(0);
    }
  });

  test("the relaxed variant gives the same mask, or is refused where the machine lacks it", () => {
    const run = (variant: string) => place.run(["segment", photo, "--variant", variant, "-o", variant]);
    const mask = (variant: string) => readFileSync(join(place.folder, variant, "street.mask.png"));
    const outcome = run("relaxed");
    if (outcome.code !== 0) {
      expectFailure(outcome, 1, /^attendseg: this host cannot run the variant relaxed: /);
      return;
    }
    run("simd");
    expect(Buffer.compare(mask("relaxed"), mask("simd"))).toBe(0);
  });
});

test.skipIf(!existsSync("/dev/full"))("a full disk behind standard output is one line", () => {
  const { code, err } = place.run(["segment", photo, "-o", "/dev/full"]);
  expect([code, err]).toEqual([1, expect.stringMatching(/^attendseg: \/dev\/full: [^\n]+\n$/)]);
});
