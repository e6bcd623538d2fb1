import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { decode } from "fast-png";
import { describe, expect, test, vi } from "vitest";
import { overlay, Segmenter } from "../../src/index.js";
import { expectFailure, FIXTURE, Workplace } from "./command.js";
import { buildJpeg, buildPng, type PngParts } from "./image/pictures.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();
const COMMANDS = [
  "segment",
  "convert",
  "inspect",
  "compare",
  "evaluate",
  "export",
  "bundle",
  "cost",
  "bench",
  "explore",
];

const street: PngParts = {
  width: 90,
  height: 70,
  depth: 8,
  type: 2,
  sample: (x, y, c) => (x * 5 + y * 3 + c * 40 + ((x >> 3) ^ (y >> 3)) * 37) % 256,
};
const photo = place.write("street.png", buildPng(street));

/** What the library makes of a picture. */
async function segmentHere(data: Uint8Array, width: number, height: number, channels: number) {
  const segmenter = await Segmenter.load(FIXTURE);
  return { segmenter, ...segmenter.segment({ data, width, height, channels }) };
}

describe("attendseg", () => {
  test("explains itself", () => {
    const { code, text, err } = place.run(["--help"]);
    expect([code, err]).toEqual([0, ""]);
    for (const command of COMMANDS) expect(text).toContain(`\n  ${command}`);
    expect(place.run(["--version"]).text).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each(COMMANDS)("%s --help has examples", (command) => {
    const { code, text, err } = place.run([command, "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(text).toContain(`Examples:\n  attendseg ${command}`);
    expect(text).toContain("--json");
  });

  test.each([
    [["nonsense"], "unknown command 'nonsense'"],
    [["segment"], "missing required argument 'photo'"],
    [["segment", "--nonsense", "a.png"], "unknown option '--nonsense'"],
    [["segment", "street.png", "--size", "12"], "Expected width x height in pixels"],
    [["segment", "street.png", "--size", "50x48"], /--size 50x48: .*multiple of 8/],
    [["segment", "street.png", "--size", "0x48"], /--size 0x48: /],
    [["segment", "street.png", "--size", "99992x48"], /--size 99992x48: /],
    [["segment", "street.png", "--opacity", "2"], "Expected a number from 0 to 1"],
    [["segment", "street.png", "--variant", "fast"], "Allowed choices are scalar, simd"],
    [["segment", "a/x.png", "b/x.jpg"], "a/x.png and b/x.jpg would both be written as x.mask.png"],
    [["segment", "a.png", "b.png", "-o", "-"], "-o - takes one photo"],
    [["segment", "-", "-m", "-"], "standard input cannot be both"],
    [["inspect", "MODEL", "--size", "50x48"], /--size 50x48: .*multiple of 8/],
    [["evaluate", "MODEL", "--images", "x"], "required option '--labels <folder>' not specified"],
  ])("%j is used wrongly: exit code 2", (words, line) => {
    expectFailure(place.run(words.map((word) => (word === "MODEL" ? place.model : word))), 2, line);
  });

  test("without a command prints its help: exit code 2", () => {
    expect(place.run([])).toMatchObject({ code: 2, err: expect.stringContaining("Usage: attendseg") });
  });
});

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

  test("reads every kind of PNG", async () => {
    const grey = (x: number, y: number) => street.sample(x, y, 0);
    const kinds: Record<string, { png: Partial<PngParts>; pixel: (x: number, y: number) => number[] }> = {
      rgb: { png: {}, pixel: (x, y) => [0, 1, 2].map((c) => street.sample(x, y, c)) },
      rgba: { png: { type: 6 }, pixel: (x, y) => [0, 1, 2].map((c) => street.sample(x, y, c)) },
      deep: {
        png: { depth: 16, sample: (x, y, c) => street.sample(x, y, c) * 256 + 99 },
        pixel: (x, y) => [0, 1, 2].map((c) => street.sample(x, y, c)),
      },
      grey: { png: { type: 0 }, pixel: (x, y) => [grey(x, y), grey(x, y), grey(x, y)] },
      greyAlpha: { png: { type: 4 }, pixel: (x, y) => [grey(x, y), grey(x, y), grey(x, y)] },
    };
    const paths = Object.entries(kinds).map(([name, { png }]) => {
      return place.write(`kinds/${name}.png`, buildPng({ ...street, interlaced: name === "rgba", ...png }));
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
    ["1x1.png", buildPng({ ...street, width: 1, height: 1 }), [1, 1]],
    ["1x5000.png", buildPng({ ...street, width: 1, height: 5000 }), [1, 5000]],
    ["5000x1.jpg", buildJpeg({ width: 5000, height: 1, components: 3 }), [5000, 1]],
    ["12000x9000.jpg", buildJpeg({ width: 12000, height: 9000 }), [12000, 9000]],
    ["upright.jpg", buildJpeg({ width: 24, height: 16, orientation: 6 }), [16, 24]],
  ])(
    "%s",
    (name, bytes, size) => {
      const path = place.write(`sizes/${name}`, bytes);
      expect(place.run(["segment", path, "-o", "sizes"])).toMatchObject({ code: 0, err: "" });
      for (const kind of ["mask", "overlay"]) {
        const written = readFileSync(path.replace(/\.\w+$/, `.${kind}.png`));
        expect([written.readUInt32BE(16), written.readUInt32BE(20)]).toEqual(size);
      }
    },
    120_000,
  );

  const png = buildPng(street);
  const jpeg = buildJpeg({ width: 40, height: 40, components: 3 });

  test.each([
    ["cut.png", png.subarray(0, png.length / 2), "the PNG file is cut off"],
    ["cut.jpg", jpeg.subarray(0, jpeg.length - 20), "the JPEG file is cut off"],
    ["header.jpg", jpeg.subarray(0, 100), "the JPEG file is cut off"],
    ["cmyk.jpg", buildJpeg({ width: 8, height: 8, components: 4 }), "CMYK JPEG is not supported"],
    ["zero.png", buildPng({ ...street, width: 0 }), "the picture has no pixels (0x70)"],
    ["zero.jpg", buildJpeg({ width: 0, height: 8 }), "the picture has no pixels (0x8)"],
    [
      "huge.png",
      buildPng({ ...street, width: 16385, height: 1 }),
      "16385x1 is larger than 16384 pixels a side",
    ],
    ["empty.jpg", "", "the file is empty"],
    ["page.png", "<!doctype html><title>404</title>", "this is an HTML page; PNG and JPEG are read"],
    ["model.png", FIXTURE, "this is a model file; PNG and JPEG are read"],
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
      `attendseg: ${nothing}: there are no PNG or JPEG files`,
      "",
    ]);
    expect(outcome.text).toContain("street.png: 90x70");
    expect(readdirSync(join(place.folder, "mixed/out")).sort()).toEqual([
      "street.mask.png",
      "street.overlay.png",
    ]);
    const json = JSON.parse(place.run(["segment", cut, photo, "-o", "mixed/out", "--json"]).text);
    expect(json).toMatchObject({
      model: "attendseg-camvid.aseg",
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

  test("both variants and any input size work, and the variants agree", () => {
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
});

describe("attendseg inspect", () => {
  test("foretells what the engine holds", async () => {
    for (const [width, height] of [
      [64, 48],
      [512, 512],
    ]) {
      const { code, text } = place.run(["inspect", place.model, "--size", `${width}x${height}`, "--json"]);
      expect(code).toBe(0);
      const { info } = await Segmenter.load(FIXTURE, { width: width!, height: height! });
      const { variant, threads, ...facts } = info;
      expect(JSON.parse(text)).toMatchObject(JSON.parse(JSON.stringify(facts)));
    }
  });

  test("shows operations, totals and the arena over time", async () => {
    const { code, text, err } = place.run(["inspect", place.model]);
    expect([code, err]).toEqual([0, ""]);
    const { info } = await Segmenter.load(FIXTURE);
    const count = (value: number) => value.toLocaleString("en-US");
    expect(text).toContain(`MACs           ${count(info.macs)}\n`);
    expect(text).toContain(`parameters     ${count(info.parameters)}\n`);
    expect(text).toContain(`linear memory  ${count(info.memoryBytes)} B`);
    for (const [index, op] of info.ops.entries()) {
      expect(text).toMatch(
        new RegExp(`^ *${index}  ${op.name} +${op.height}x${op.width}x${op.channels} `, "m"),
      );
      expect(text).toMatch(new RegExp(`^ *${index}  ${op.name} +[·░▒█s]{64}$`, "m"));
    }
    expect(place.run(["inspect", "-"], FIXTURE).text).toBe(text);
  });
});

describe("attendseg evaluate", () => {
  /** Labels made from the fixture's own masks, some pixels changed, so that the figures are known. */
  async function makeDataSet(): Promise<{ right: number; total: number }> {
    let right = 0;
    for (const [index, name] of ["one", "two", "three"].entries()) {
      const sample: PngParts["sample"] = (x, y, c) => (street.sample(x, y, c) + 60 * index) % 256;
      const rgb = Uint8Array.from({ length: 64 * 48 * 3 }, (_, at) => {
        return sample(Math.floor(at / 3) % 64, Math.floor(at / 192), at % 3);
      });
      const { mask, segmenter } = await segmentHere(rgb, 64, 48, 3);
      const label = (x: number, y: number) => (y < 5 ? 4 : mask[y * 64 + x]!);
      for (let at = 0; at < mask.length; at++) if (label(at % 64, Math.floor(at / 64)) === mask[at]) right++;
      const size = { width: 64, height: 48, depth: 8, type: 2 };
      place.write(`set/images/${name}.png`, buildPng({ ...size, sample }));
      // Twice the size: sampled at pixel centres, it is the same label again.
      const double: PngParts["sample"] = (x, y, c) => segmenter.palette[label(x >> 1, y >> 1)]![c]!;
      place.write(`set/labels/${name}_L.png`, buildPng({ ...size, width: 128, height: 96, sample: double }));
    }
    place.write("set/list.txt", "three\none.png\n");
    return { right, total: 3 * 64 * 48 };
  }
  const words = ["evaluate", place.model, "--images", "set/images", "--labels", "set/labels"];

  test("counts pixels by the model's own palette", async () => {
    const { right, total } = await makeDataSet();
    const { code, text, err } = place.run([...words, "--json"]);
    expect([code, err]).toEqual([0, ""]);
    const result = JSON.parse(text);
    expect(result).toMatchObject({ frames: 3, input: { width: 64, height: 48 }, variant: "simd" });
    expect(result.pixelAccuracy).toBeCloseTo(right / total, 12);
    expect(result.pixelAccuracyNoVoid).toBeCloseTo(right / total, 12);
    expect(result.msPerFrame).toBeGreaterThan(0);
    expect(result.perClass).toHaveLength(5);
    const listed = JSON.parse(place.run([...words, "--list", "set/list.txt", "--json"]).text);
    expect(listed.frames).toBe(2);
    expect(place.run(words).text).toContain(`pixel accuracy  ${((100 * right) / total).toFixed(2)} %`);
  });

  test("names a missing label, an unknown colour and an unknown class", async () => {
    await makeDataSet();
    place.write("set/images/four.png", buildPng(street));
    expectFailure(place.run(words), 1, "attendseg: set/labels/four_L.png: there is no such label for");
    place.write("set/labels/four_L.png", buildPng({ ...street, sample: () => 77 }));
    expectFailure(
      place.run(words),
      1,
      "set/labels/four_L.png: the colour 77,77,77 of pixel 0,0 belongs to no class",
    );
    place.write("set/classes.csv", "name,r,g,b\nclass 1,77,77,77\nUnicorn,1,2,3\n");
    expectFailure(place.run(words), 1, "set/classes.csv: the model has no class Unicorn");
    expectFailure(place.run([...words, "--classes", "none.csv"]), 1, "none.csv: no such file or folder");
    expectFailure(place.run([...words, "--list", "none.txt"]), 1, "none.txt: no such file or folder");
    const elsewhere = ["evaluate", place.model, "--images", "none", "--labels", "set/labels"];
    expectFailure(place.run(elsewhere), 1, "none: no such file or folder");
  });
});

const CAMVID = resolve("../shared/camvid");
const MODEL = resolve("models/attendseg-camvid.aseg");

test.skipIf(!existsSync(CAMVID) || !existsSync(MODEL))(`evaluate reads ${CAMVID} as it is`, () => {
  const list = place.write("three.txt", "0001TP_009420\n0006R0_f01140\n0016E5_00600\n");
  const folders = [
    "--images",
    join(CAMVID, "701_StillsRaw_full"),
    "--labels",
    join(CAMVID, "LabeledApproved_full"),
  ];
  const { code, text, err } = place.run(["evaluate", MODEL, ...folders, "--list", list, "--json"]);
  expect([code, err]).toEqual([0, ""]);
  const result = JSON.parse(text);
  expect(result).toMatchObject({ frames: 3, input: { width: 512, height: 512 } });
  expect(result.perClass).toHaveLength(32);
  expect(result.pixelAccuracy).toBeGreaterThan(0.7);
  expect(result.pixelAccuracyNoVoid).toBeGreaterThan(result.pixelAccuracy);
});

test("a reader that stops reading is no error", () => {
  const command = `"$0" "$1" inspect "$2" | head -n 1`;
  const words = ["-c", command, process.execPath, join(place.package, "dist/cli.js"), place.model];
  const { stdout, stderr } = spawnSync("sh", words, { encoding: "utf8" });
  expect([stdout, stderr]).toEqual(["name           fixture\n", ""]);
});

describe("npm start", () => {
  test("draws a street, segments it and says what is in it", () => {
    const { code, text, err } = place.start("start.js", []);
    expect([code, err]).toEqual([0, ""]);
    expect(readdirSync(join(place.folder, "out")).sort()).toEqual([
      "street.mask.png",
      "street.overlay.png",
      "street.png",
    ]);
    expect(text).toMatch(/street\.png: 960x720, [\d.]+ ms\n/);
    expect(text).toMatch(/class \d +[\d.]+ %\n/);
  });

  test("segments the photos given", () => {
    const { code, text } = place.start("start.js", [photo]);
    expect(code).toBe(0);
    expect(text).toContain("street.png: 90x70");
    expectFailure(place.start("start.js", ["none.jpg"]), 1, "none.jpg: no such file or folder");
    expectFailure(place.start("start.js", ["--help"]), 2, "npm start [-- PHOTO...]");
  });
});

test.skipIf(!existsSync("/dev/full"))("a full disk behind standard output is one line", () => {
  const { code, err } = place.run(["segment", photo, "-o", "/dev/full"]);
  expect([code, err]).toEqual([1, expect.stringMatching(/^attendseg: \/dev\/full: [^\n]+\n$/)]);
});
