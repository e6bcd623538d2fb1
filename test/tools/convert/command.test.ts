import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { Segmenter } from "../../../src/index.js";
import { parseModel } from "../../../src/model.js";
import { FLOAT, type OnnxModel, type OnnxTensor } from "../../../tools/convert/onnx/read.js";
import { writeOnnx } from "../../../tools/convert/onnx/write.js";
import { expectFailure, FIXTURE, Workplace } from "../command.js";
import { buildPng } from "../image/encode.js";

vi.setConfig({ testTimeout: 120_000 });

const bare = new Workplace();
const place = new Workplace();
symlinkSync(resolve("node_modules"), join(place.package, "node_modules"));

const WIDTH = 64;
const HEIGHT = 48;
for (const [index, name] of ["a", "b", "c"].entries()) {
  const sample = (x: number, y: number, c: number) => (x * 3 + y * 5 + c * 70 + 50 * index + (x ^ y)) % 256;
  place.write(`photos/${name}.png`, buildPng({ width: 90, height: 70, depth: 8, type: 2, sample }));
}
const classes = place.write("classes.csv", "name,r,g,b\nRoad,128,64,128\nSky,70,130,180\nVoid,0,0,0\n");

function tensor(name: string, dims: number[], value: (at: number) => number): OnnxTensor {
  const size = dims.reduce((product, side) => product * side, 1);
  const raw = new Uint8Array(Float32Array.from({ length: size }, (_, at) => value(at)).buffer);
  return { name, dims, type: FLOAT, raw, numbers: [] };
}

/** A float model of two convolutions and a ReLU: 3 logits a pixel. */
function floatModel(middle: string): Uint8Array {
  const node = (type: string, inputs: string[], output: string) => {
    return { name: `${type} of ${output}`, type, domain: "", inputs, outputs: [output], attributes: {} };
  };
  const model: OnnxModel = {
    opset: 17,
    nodes: [
      node("Conv", ["image", "first.weight", "first.bias"], "first"),
      node(middle, ["first"], "middle"),
      node("Conv", ["middle", "last.weight"], "scores"),
    ],
    initializers: [
      tensor("first.weight", [8, 3, 1, 1], (at) => Math.sin(at * 12.9)),
      tensor("first.bias", [8], (at) => at / 10 - 0.3),
      tensor("last.weight", [3, 8, 1, 1], (at) => Math.sin(at * 78.2)),
    ],
    inputs: [{ name: "image", type: FLOAT, dims: [1, 3, HEIGHT, WIDTH] }],
    outputs: [{ name: "scores", type: FLOAT, dims: [1, 3, HEIGHT, WIDTH] }],
  };
  return writeOnnx(model);
}

describe("attendseg convert", () => {
  const onnx = place.write("float.onnx", floatModel("Relu"));
  const words = ["convert", onnx, "--calibrate", "photos", "--classes", classes];

  test("makes a model of a float ONNX file that runs", async () => {
    const { code, text, err } = place.run([...words, "-o", "float.aseg", "--name", "three"]);
    expect([code, err]).toEqual([0, ""]);
    expect(text).toMatch(/model +float, operator set 17\n/);
    expect(text).toContain("calibrated on  3 images");
    expect(text).toMatch(/worst tensors:\n *\d+\.\d dB/);
    const segmenter = await Segmenter.load(readFileSync(join(place.folder, "float.aseg")));
    expect(segmenter.classes).toEqual(["Road", "Sky", "Void"]);
    expect(segmenter.palette[1]).toEqual([70, 130, 180]);
    expect(segmenter.info).toMatchObject({ name: "three", width: WIDTH, height: HEIGHT });
    expect(place.run(["segment", "photos/a.png", "-m", "float.aseg", "-o", "masks"]).code).toBe(0);
  });

  test("writes to standard output, and reports in JSON", () => {
    const piped = place.run([...words, "-o", "-"]);
    expect(parseModel(piped.out).metadata.classes).toHaveLength(3);
    expect(piped.err).toContain("calibrated on");
    const json = JSON.parse(place.run([...words, "-o", "json.aseg", "--frames", "2", "--json"]).text);
    expect(json).toMatchObject({ output: "json.aseg", kind: "float", opset: 17, pictures: 2 });
    expect(json.fileBytes).toBe(readFileSync(join(place.folder, "json.aseg")).length);
  });

  test("names what it cannot do", () => {
    const unknown = place.write("unknown.onnx", floatModel("Det"));
    const outcome = place.run(["convert", unknown, "-o", "x.aseg", "--calibrate", "photos"]);
    expectFailure(outcome, 1, /unknown\.onnx: Det "Det of middle": .*supported are Abs, Acos, Acosh, Add, /);
    expectFailure(place.run(["convert", onnx, "-o", "x.aseg"]), 1, /--calibrate/);
    expectFailure(
      place.run(["convert", "none.onnx", "-o", "x.aseg"]),
      1,
      "none.onnx: no such file or folder",
    );
    expectFailure(place.run(["convert", "photos", "-o", "x.aseg"]), 1, "photos: is a folder, not a file");
    const broken = place.write("broken.onnx", readFileSync(onnx).subarray(0, 200));
    expectFailure(place.run(["convert", broken, "-o", "x.aseg"]), 1, "attendseg: ");
    expectFailure(
      place.run(["convert", place.write("photo.onnx", "hello"), "-o", "x.aseg"]),
      1,
      "attendseg: ",
    );
    const two = place.write("two.csv", "name,r,g,b\nRoad,1,2,3\nSky,4,5,6\n");
    const names = ["convert", onnx, "-o", "x.aseg", "--calibrate", "photos", "--classes", two];
    expectFailure(place.run(names), 1, /3 logits.*2/);
    expectFailure(place.run([...words, "-o", "missing/x.aseg"]), 1, "missing/x.aseg: no such file or folder");
    place.write("bad/a.png", "hello");
    expectFailure(
      place.run(["convert", onnx, "-o", "x.aseg", "--calibrate", "bad"]),
      1,
      "bad/a.png: this is no",
    );
    expect(readdirSync(place.folder).filter((name) => name.includes("x.aseg"))).toEqual([]);
  });

  test.each([
    [[], "-o FILE, or --check, is needed"],
    [["-o", "x", "--bits", "6"], "Expected a number from 7 to 8"],
    [["-o", "x", "--mean", "1,2"], "Expected three numbers"],
    [["-o", "x", "--frames", "1.5"], "Expected a whole number"],
    [["-o", "-", "--json"], "-o - takes no --json"],
  ])("%j is used wrongly", (more, line) => {
    expectFailure(place.run(["convert", onnx, ...more]), 2, line);
  });

  test("says what to install where onnxruntime-web is missing", () => {
    expect(existsSync(join(bare.package, "node_modules"))).toBe(false);
    const words = ["convert", bare.write("float.onnx", floatModel("Relu")), "-o", "x.aseg"];
    expectFailure(bare.run(words), 1, "a float model needs images to calibrate with");
    const outcome = bare.run([...words, "--calibrate", join(place.folder, "photos")]);
    expectFailure(outcome, 1, "npm install onnxruntime-web");
    const exported = ["export", bare.model, "-o", "qdq.onnx"];
    expect(bare.run(exported)).toMatchObject({ code: 0, err: "" });
    expect(bare.run(["convert", "qdq.onnx", "-o", "again.aseg"])).toMatchObject({ code: 0, err: "" });
  });
});

describe("attendseg export and compare", () => {
  test("the exported model converts back, and onnxruntime computes the same integers", () => {
    const exported = place.run(["export", place.model, "-o", "qdq.onnx"]);
    expect(exported).toMatchObject({ code: 0, err: "" });
    expect(exported.text).toMatch(/^qdq\.onnx: [\d.]+ kB, input 64x48\n$/);
    expect(
      place.run(["export", "-", "-o", "-"], FIXTURE).out.equals(readFileSync(join(place.folder, "qdq.onnx"))),
    ).toBe(true);
    expect(place.run(["convert", "qdq.onnx", "-o", "back.aseg"])).toMatchObject({ code: 0, err: "" });

    const { code, text, err } = place.run([
      "compare",
      "qdq.onnx",
      "back.aseg",
      "--images",
      "photos",
      "--json",
    ]);
    expect([code, err]).toEqual([0, ""]);
    const report = JSON.parse(text);
    expect(report).toMatchObject({
      kind: "quantized",
      pictures: 3,
      width: WIDTH,
      height: HEIGHT,
      engineDiffering: 0,
    });
    const compared = report.operations.filter(({ values }: { values: number }) => values > 0);
    expect(compared.length).toBeGreaterThan(25);
    for (const { largest } of compared) expect(largest).toBeLessThanOrEqual(1);
    expect(report.maskAgreement).toBeGreaterThan(0.5);
    const shown = place.run([
      "compare",
      "qdq.onnx",
      "back.aseg",
      "--images",
      "photos",
      "--variant",
      "scalar",
    ]);
    expect(shown.text).toContain("engine (scalar) against reference  same bytes");
  });

  test("a float model is compared by correlation", () => {
    place.run(["convert", "float.onnx", "-o", "float.aseg", "--calibrate", "photos"]);
    const { code, text } = place.run(["compare", "float.onnx", "float.aseg", "--images", "photos", "--json"]);
    expect(code).toBe(0);
    const report = JSON.parse(text);
    expect(report).toMatchObject({ kind: "float", pictures: 3, engineDiffering: 0 });
    expect(report.tensors.at(-1)).toMatchObject({ name: "scores" });
    for (const { correlation } of report.tensors) expect(correlation).toBeGreaterThan(0.99);
    expect(report.maskAgreement).toBeGreaterThan(0.95);
  });

  test("what cannot be exported or compared is named", () => {
    expectFailure(place.run(["export", "float.onnx", "-o", "x.onnx"]), 1, "float.onnx: ");
    expectFailure(place.run(["export", place.model, "-o", "x.onnx", "--size", "50x48"]), 2, "--size 50x48");
    expectFailure(place.run(["export", place.model, "-o", "photos"]), 1, "photos: is a folder, not a file");
    expectFailure(
      place.run(["compare", "float.onnx", place.model, "--images", "none"]),
      1,
      "none: no such file",
    );
    expectFailure(place.run(["compare", classes, place.model, "--images", "photos"]), 1, "attendseg: ");
  });
});
