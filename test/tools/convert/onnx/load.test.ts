import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConvertError, convert } from "../../../../tools/convert/index.js";
import { loadGraph } from "../../../../tools/convert/onnx/load.js";
import * as onnx from "../../../../tools/convert/onnx/read.js";
import { readTensor } from "../../../../tools/convert/onnx/stored.js";
import { writeOnnx } from "../../../../tools/convert/onnx/write.js";
import { lower } from "../../../../tools/convert/passes/index.js";
import { OnnxBuilder } from "../onnx-builder.js";

function smallNetwork(): Uint8Array {
  const b = new OnnxBuilder();
  return b.build(b.conv(b.node("LeakyRelu", [b.conv("x", 3, 4, 3)], { alpha: { float: 0.125 } }), 4, 3));
}

describe("readOnnx", () => {
  test("reads what writeOnnx writes", () => {
    const model: onnx.OnnxModel = {
      opset: 17,
      nodes: [
        {
          name: "n",
          type: "Conv",
          domain: "",
          inputs: ["x", "", "w"],
          outputs: ["y"],
          attributes: {
            a: { kind: "int", value: -3 },
            b: { kind: "float", value: 0.5 },
            c: { kind: "string", value: "text" },
            d: { kind: "ints", value: [1, -1, 2 ** 40] },
            e: { kind: "floats", value: [0.25, -8] },
            f: { kind: "strings", value: ["a", "b"] },
            g: { kind: "tensor", value: { name: "t", dims: [2], type: onnx.INT64, numbers: [7, -7] } },
          },
        },
      ],
      initializers: [
        { name: "w", dims: [1, 2], type: onnx.FLOAT, raw: new Uint8Array(8), numbers: [] },
        { name: "e", dims: [4], type: onnx.INT8, numbers: [], external: { location: "data", offset: "16" } },
      ],
      inputs: [{ name: "x", type: onnx.FLOAT, dims: [1, 3, 0, 0] }],
      outputs: [{ name: "y", type: 0 }],
    };
    expect(onnx.readOnnx(writeOnnx(model))).toEqual(model);
  });

  test("a file cut off anywhere is refused", () => {
    const bytes = smallNetwork();
    for (let length = 0; length < bytes.length; length++) {
      expect(() => loadGraph(bytes.subarray(0, length))).toThrow(ConvertError);
    }
  });

  test("random bytes and damaged files are refused or read, never anything else", () => {
    const bytes = smallNetwork();
    const tryToLoad = (damaged: Uint8Array): void => {
      try {
        lower(loadGraph(damaged).graph);
      } catch (error) {
        expect(error).toBeInstanceOf(ConvertError);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => tryToLoad(random)),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length - 1), (at, value, other) => {
        const damaged = bytes.slice();
        damaged[at] = value;
        damaged[other]! ^= 1 << (value % 8);
        tryToLoad(damaged);
      }),
      { numRuns: 3000 },
    );
  });

  test("text and empty files are refused by name", async () => {
    const message = /^not a valid ONNX file/;
    await expect(convert(new Uint8Array(0))).rejects.toThrow(message);
    await expect(convert(new TextEncoder().encode("<!DOCTYPE html><html></html>"))).rejects.toThrow(message);
  });
});

describe("readTensor", () => {
  const read = (type: number, raw: number[]) =>
    Array.from(readTensor({ name: "t", dims: [1], type, raw: Uint8Array.from(raw), numbers: [] }).values);

  test("reads every element type", () => {
    expect(read(onnx.FLOAT, [0, 0, 0x20, 0xc1])).toEqual([-10]);
    expect(read(onnx.DOUBLE, [0, 0, 0, 0, 0, 0, 0xe0, 0x3f])).toEqual([0.5]);
    expect(read(onnx.FLOAT16, [0, 0xc0])).toEqual([-2]);
    expect(read(onnx.FLOAT16, [1, 0])).toEqual([2 ** -24]);
    expect(read(onnx.INT64, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).toEqual([-2]);
    expect(read(onnx.INT32, [0, 1, 0, 0])).toEqual([256]);
    expect(read(onnx.INT16, [0xff, 0xff])).toEqual([-1]);
    expect(read(onnx.UINT16, [0xff, 0xff])).toEqual([65535]);
    expect(read(onnx.INT8, [0x80])).toEqual([-128]);
    expect(read(onnx.UINT8, [0x80])).toEqual([128]);
    expect(readTensor({ name: "t", dims: [2], type: onnx.FLOAT, numbers: [1, 2] }).values).toEqual(
      Float32Array.of(1, 2),
    );
  });

  test("refuses a wrong length and unknown types", () => {
    expect(() => read(onnx.FLOAT, [0])).toThrow('tensor "t": 4 bytes expected, 1 found');
    expect(() => read(16, [0, 0])).toThrow('tensor "t": element type 16 is not supported');
  });

  test("reads external data from the model's folder only", () => {
    const root = mkdtempSync(join(tmpdir(), "attendseg-onnx-"));
    const folder = join(root, "model");
    mkdirSync(folder);
    writeFileSync(join(folder, "data"), Uint8Array.of(9, 9, 1, 2, 3));
    writeFileSync(join(root, "secret"), Uint8Array.of(1, 2));
    mkdirSync(join(folder, "folder"));
    symlinkSync(join(root, "secret"), join(folder, "link"));
    const tensor = (external: Record<string, string>): onnx.OnnxTensor => {
      return { name: "t", dims: [2], type: onnx.INT8, numbers: [], external };
    };
    const found = readTensor(tensor({ location: "data", offset: "2", length: "2" }), folder);
    expect(found.values).toEqual(Int8Array.of(1, 2));
    for (const location of ["../secret", join(root, "secret"), "link", "missing", "", ".", "folder"]) {
      expect(() => readTensor(tensor({ location }), folder)).toThrow(/^tensor "t": there is no data file/);
    }
    expect(() => readTensor(tensor({ location: "data", offset: "4", length: "2" }), folder)).toThrow(
      "lies outside",
    );
    expect(() => readTensor(tensor({ location: "data" }))).toThrow("give the model as a file");
  });
});
