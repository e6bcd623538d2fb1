import { describe, expect, it } from "vitest";
import { crc32 } from "../../src/checksum.js";
import { ModelError } from "../../src/errors.js";
import * as format from "../../src/format.js";
import { parseModel } from "../../src/model.js";
import { type Attributes, type Model, OPS, type Op, type Tensor } from "../../src/ops.js";
import { plan } from "../../src/plan.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { ModelBuilder } from "../fixtures/builder.js";
import { buildFixture } from "../fixtures/fixture.js";
import { repair } from "../fixtures/hostile.js";

const model = buildFixture();
const bytes = writeModel(model);

/** The model with one operation replaced, the first of the given code. */
function withOp(code: number, change: (op: Op) => Partial<Op>): Model {
  const at = model.ops.findIndex((op) => op.code === code);
  return { ...model, ops: model.ops.map((op, index) => (index === at ? { ...op, ...change(op) } : op)) };
}

function withAttributes(code: number, attributes: Partial<Attributes>): Model {
  return withOp(code, (op) => ({ attributes: { ...op.attributes, ...attributes } }));
}

/** The model with the output tensor of the first operation of the given code replaced. */
function withOutput(code: number, change: Partial<Tensor>): Model {
  const id = model.ops.find((op) => op.code === code)!.output;
  return {
    ...model,
    tensors: model.tensors.map((tensor, at) => (at === id ? { ...tensor, ...change } : tensor)),
  };
}

/** The model with other logits. */
function withLogits(change: Partial<Tensor>): Model {
  const logits = model.ops.at(-1)!.inputs[0]!;
  return {
    ...model,
    tensors: model.tensors.map((tensor, id) => (id === logits ? { ...tensor, ...change } : tensor)),
  };
}

/** The file with a field of the header, or of the first operation of a code, replaced. */
function patched(at: number, value: number, size: 1 | 2 | 4 = 2): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  if (size === 1) view.setUint8(at, value);
  else if (size === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return repair(copy);
}

function recordAt(code: number): number {
  const index = model.ops.findIndex((op) => op.code === code);
  return format.HEADER_BYTES + model.tensors.length * format.TENSOR_BYTES + index * format.OP_BYTES;
}

describe("parseModel", () => {
  it("gives back what was written", () => {
    expect(parseModel(bytes)).toEqual(model);
  });

  it("takes logits of 13 bits", () => {
    const wide = withLogits({ zero: 4095, min: -4096, max: 4095 });
    expect(parseModel(writeModel(wide))).toEqual(wide);
  });

  it("reads a file at any place of a buffer", () => {
    for (const offset of [1, 2, 3, 7]) {
      const buffer = new Uint8Array(bytes.length + offset);
      buffer.set(bytes, offset);
      expect(parseModel(buffer.subarray(offset))).toEqual(model);
    }
  });

  it("does not change the file, nor hold on to it", () => {
    const copy = bytes.slice();
    const parsed = parseModel(copy);
    expect(copy).toEqual(bytes);
    copy.fill(0);
    expect(parsed).toEqual(model);
  });

  it("is written alike by the same model", () => {
    expect(writeModel(parseModel(bytes))).toEqual(bytes);
  });

  it("has the layout that format.md describes", () => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe("ASEG");
    expect(view.getUint32(4, true)).toBe(1);
    expect(view.getUint32(8, true)).toBe(bytes.length);
    expect(view.getUint32(12, true)).toBe(crc32(bytes.subarray(16)));
    const [tensors, ops] = [view.getUint16(16, true), view.getUint16(18, true)];
    const [data, metadata] = [view.getUint32(20, true), view.getUint32(24, true)];
    expect([tensors, ops]).toEqual([model.tensors.length, model.ops.length]);
    expect(64 + 16 * tensors + 64 * ops + data + metadata).toBe(bytes.length);
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(bytes.length - metadata)))).toEqual(
      model.metadata,
    );
    expect([28, 30, 32].map((at) => view.getUint16(at, true))).toEqual([8, 64, 48]);
  });
});

describe("parseModel names what is not a model", () => {
  it.each([
    ["an empty file", "", "empty"],
    ["an HTML page", "<!DOCTYPE html><html><body>Not found</body></html>", "web page"],
    ["an HTML page with space before it", "\n  <html lang=en>", "web page"],
    ["an XML error", '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "web page"],
    ["text", "Not found", "ASEG"],
    ["a PNG", "\x89PNG\r\n\x1a\n", "ASEG"],
    ["one byte", "A", "ASEG"],
    ["nothing but the magic", "ASEG", "header"],
  ])("%s", (_, text, word) => {
    const file = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    expect(() => parseModel(file)).toThrow(ModelError);
    expect(() => parseModel(file)).toThrow(word);
  });

  it("a newer version, before anything else is looked at", () => {
    for (const version of [0, 2, 0xffffffff]) {
      const copy = bytes.slice();
      new DataView(copy.buffer).setUint32(4, version, true);
      expect(() => parseModel(copy)).toThrow(`version ${version}`);
    }
  });
});

describe("parseModel refuses a damaged file", () => {
  it("of every shorter length, and a longer one", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseModel(bytes.subarray(0, length))).toThrow(ModelError);
    }
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expect(() => parseModel(longer)).toThrow(ModelError);
  });

  it("of every shorter length whose length and checksum are right", () => {
    for (let length = format.HEADER_BYTES; length < bytes.length; length++) {
      const copy = bytes.slice(0, length);
      new DataView(copy.buffer).setUint32(format.HEADER_FILE_BYTES, length, true);
      expect(() => parseModel(repair(copy))).toThrow(ModelError);
    }
  });

  it("with any single bit flipped", () => {
    const copy = bytes.slice();
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 1; bit < 256; bit *= 2) {
        copy[at]! ^= bit;
        expect(() => parseModel(copy)).toThrow(ModelError);
        copy[at]! ^= bit;
      }
    }
  });
});

describe("parseModel refuses, with a right checksum,", () => {
  const tensorsAt = format.HEADER_BYTES;
  const convolutionAt = recordAt(format.CONVOLUTION);

  it.each<[string, Uint8Array]>([
    ["a reserved byte of the header", patched(format.HEADER_RESERVED, 1, 1)],
    ["the last reserved byte of the header", patched(63, 1, 1)],
    ["a reserved byte of a tensor", patched(tensorsAt + format.TENSOR_RESERVED, 1, 4)],
    ["a reserved byte of an operation", patched(convolutionAt + format.OP_RESERVED, 1, 1)],
    ["fewer tensors", patched(format.HEADER_TENSORS, model.tensors.length - 1)],
    ["more operations", patched(format.HEADER_OPS, 0xffff)],
    ["a data section beyond the file", patched(format.HEADER_DATA_BYTES, 0xfffffff0, 4)],
    ["metadata beyond the file", patched(format.HEADER_METADATA_BYTES, 0xffffffff, 4)],
    ["a stride of 0", patched(format.HEADER_STRIDE, 0)],
    ["a default width of 0", patched(format.HEADER_WIDTH, 0)],
    ["a default width that is no multiple of the stride", patched(format.HEADER_WIDTH, 65)],
    ["a default height beyond the largest", patched(format.HEADER_HEIGHT, 8192)],
    ["an unknown operation", patched(convolutionAt + format.OP_CODE, 16, 1)],
    ["operation 0", patched(convolutionAt + format.OP_CODE, 0, 1)],
    ["a second input operation", patched(convolutionAt + format.OP_CODE, format.INPUT, 1)],
    ["no input of a convolution", patched(convolutionAt + format.OP_INPUT_COUNT, 0, 1)],
    ["255 inputs", patched(convolutionAt + format.OP_INPUT_COUNT, 255, 1)],
    ["a tensor that does not exist", patched(convolutionAt + format.OP_INPUTS, model.tensors.length)],
    ["an output that does not exist", patched(convolutionAt + format.OP_OUTPUT, 0xffff)],
    ["an unused input slot that is used", patched(convolutionAt + format.OP_INPUTS + 2, 0)],
    ["weights in the header", patched(convolutionAt + format.OP_WEIGHTS, 16, 4)],
    ["weights off their alignment", patched(convolutionAt + format.OP_WEIGHTS, bytes.length - 1000, 4)],
    ["weights at the end of memory", patched(convolutionAt + format.OP_WEIGHTS, 0xfffffff0, 4)],
    ["a bias at the end of the data", patched(convolutionAt + format.OP_BIAS, 0x7ffffff0, 4)],
    ["a table of a convolution", patched(convolutionAt + format.OP_TABLE, 16, 4)],
  ])("%s", (_, file) => {
    expect(() => parseModel(file)).toThrow(ModelError);
  });

  const nan = Number.NaN;
  /** A tensor with as many channels as the inputs of the sum, but half the size. */
  const POOLED = model.ops.find((op) => op.code === format.MAX_POOL)!.output;
  const sixClasses = { classes: [..."abcdef"], palette: [..."abcdef"].map(() => [0, 0, 0] as const) };
  const scales = (value: number) => ({ scales: Float32Array.of(value) });
  it.each<[string, Model]>([
    ["a tensor of no channels", withOutput(format.CONVOLUTION, { channels: 0 })],
    ["a tensor of too many channels", withOutput(format.POINTWISE, { channels: 8193 })],
    ["a scale of 0", withOutput(format.CONVOLUTION, { scale: 0 })],
    ["a negative scale", withOutput(format.CONVOLUTION, { scale: -1 })],
    ["a scale that is no number", withOutput(format.CONVOLUTION, { scale: nan })],
    ["an infinite scale", withOutput(format.CONVOLUTION, { scale: Number.POSITIVE_INFINITY })],
    ["a scale too small to divide by", withOutput(format.CONVOLUTION, { scale: 1e-30 })],
    ["a zero point of 128", withOutput(format.CONVOLUTION, { zero: 128 })],
    ["a zero point of -129", withOutput(format.CONVOLUTION, { zero: -129 })],
    ["a range from -129", withOutput(format.CONVOLUTION, { min: -129 })],
    ["a range to 128", withOutput(format.CONVOLUTION, { max: 128 })],
    ["a range the wrong way", withOutput(format.CONVOLUTION, { min: 5, max: 4 })],
    ["values of 13 bits that are no logits", withOutput(format.POINTWISE, { max: 4095 })],
    ["a zero point of 13 bits", withOutput(format.POINTWISE, { zero: 300 })],
    ["logits of 14 bits", withLogits({ max: 4096 })],
    ["an input of another scale", withOutput(format.INPUT, { scale: 1 / 256 })],
    ["an input of another zero point", withOutput(format.INPUT, { zero: 0 })],
    ["a pool to another scale", withOutput(format.MAX_POOL, { scale: 1 })],
    ["a pool to a narrower range", withOutput(format.MAX_POOL, { max: 100 })],
    ["a pad to another zero point", withOutput(format.PAD, { zero: 0 })],
    ["channels that differ from the input's", withOutput(format.DEPTHWISE, { channels: 9 })],
    ["a table beyond the output's range", withOutput(format.LOOKUP, { min: 20, max: 21 })],
    ["a kernel without rows", withAttributes(format.CONVOLUTION, { kernelHeight: 0 })],
    ["a stride of 0", withAttributes(format.DEPTHWISE, { strideX: 0 })],
    ["a dilation of 0", withAttributes(format.MAX_POOL, { dilationY: 0 })],
    ["padding as wide as the kernel", withAttributes(format.AVERAGE_POOL, { padLeft: 3 })],
    ["an unknown way to average", withAttributes(format.AVERAGE_POOL, { mode: 2 })],
    ["no groups", withAttributes(format.CONVOLUTION, { groups: 0 })],
    ["groups that do not divide the input", withAttributes(format.CONVOLUTION, { groups: 2 })],
    ["an attribute that the operation has not", withAttributes(format.POINTWISE, { strideX: 1 })],
    ["a pool factor of 0", withAttributes(format.GATE, { numerator: 0 })],
    ["a pool factor that does not fit the sizes", withAttributes(format.GATE, { numerator: 4 })],
    ["an unknown way to resize", withAttributes(format.RESIZE, { mode: 4 })],
    ["an upsampling by 1/0", withAttributes(format.RESIZE, { denominator: 0 })],
    ["an upsampling by 65535", withAttributes(format.RESIZE, { numerator: 65535 })],
    ["a padding value that the tensor cannot hold", withAttributes(format.PAD, { value: 128 })],
    ["no tensor of logits", withOp(format.ARGMAX, () => ({ inputs: [model.tensors.length - 1] }))],
    ["a tensor read before it is written", withOp(format.CONVOLUTION, () => ({ inputs: [30] }))],
    ["a tensor written twice", withOp(format.DEPTHWISE, () => ({ output: 1 }))],
    ["a table scale that is no number", withOp(format.GATE, () => scales(nan))],
    ["a table scale of 0", withOp(format.GATE, () => scales(0))],
    ["a weight scale below 0", withOp(format.CONVOLUTION, (op) => ({ scales: op.scales.map((s) => -s) }))],
    ["sums of different sizes", withOp(format.ADD, (op) => ({ inputs: [op.inputs[0]!, POOLED] }))],
    ["no operation", { ...model, ops: [] }],
    ["no end", { ...model, ops: model.ops.slice(0, -1), tensors: model.tensors.slice(0, -1) }],
    ["a tensor that nothing writes", { ...model, tensors: [...model.tensors, model.tensors[0]!] }],
    ["more classes than logits", { ...model, metadata: { ...model.metadata, ...sixClasses } }],
    [
      "more names than tensors",
      {
        ...model,
        metadata: { ...model.metadata, tensors: [...model.tensors.map(() => "tensor"), "one more"] },
      },
    ],
  ])("%s", (_, wrong) => {
    expect(() => parseModel(writeModel(wrong))).toThrow(ModelError);
  });
});

describe("the op table", () => {
  it("names every operation of format.md once", () => {
    const names = [...OPS.values()].map(({ name }) => name);
    expect([...OPS.keys()]).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(new Set(names).size).toBe(20);
  });
});

describe("limits", () => {
  /** `input`, resizings by the factor 1 after one another, `argmax`. */
  function chain(count: number): Model {
    const builder = new ModelBuilder();
    const tensor = { channels: 3, scale: 1, zero: 0, min: -128, max: 127 };
    const attributes = { numerator: 1, denominator: 1 };
    let last = 0;
    for (let at = 2; at < count; at++) last = builder.add(format.RESIZE, [last], tensor, { attributes });
    return builder.finish(last, { stride: 1, width: 8, height: 8 });
  }

  const withMetadata = (provenance: Record<string, unknown>) =>
    writeModel({ ...model, metadata: { ...model.metadata, provenance } });

  it("takes 4096 operations and plans them", () => {
    const long = parseModel(writeModel(chain(4096)));
    expect(plan(long, 8, 8).ops).toHaveLength(4096);
  });

  it.each([4097, 20_000, 65_533])("refuses %i operations", (count) => {
    expect(() => parseModel(writeModel(chain(count)))).toThrow(`header: ${count} ops, at most 4096`);
  });

  it("refuses metadata of more than 1 MiB", () => {
    const text = "x".repeat(1 << 19);
    expect(parseModel(withMetadata({ text })).metadata.provenance).toEqual({ text });
    expect(() => parseModel(withMetadata({ text: text + text }))).toThrow(
      /bytes of metadata, at most 1048576/,
    );
  });

  it("refuses metadata nested deeper than 32 levels", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(() => parseModel(withMetadata({ list: nested(30) }))).not.toThrow();
    expect(() => parseModel(withMetadata({ list: nested(31) }))).toThrow(/metadata: "provenance"/);
  });

  it("refuses operations that share an array", () => {
    const builder = new ModelBuilder();
    const tensor = { channels: 3, scale: 1, zero: 0, min: -128, max: 127 };
    const table = new Int8Array(256);
    const first = builder.add(format.LOOKUP, [0], tensor, { table });
    const second = builder.add(format.LOOKUP, [first], tensor, { table });
    const file = writeModel(builder.finish(second, { stride: 1, width: 8, height: 8 }));
    const opsAt = format.HEADER_BYTES + 4 * format.TENSOR_BYTES;
    const dataAt = opsAt + 4 * format.OP_BYTES;
    const shared = new Uint8Array([...file.subarray(0, dataAt + 256), ...file.subarray(dataAt + 512)]);
    const view = new DataView(shared.buffer);
    view.setUint32(format.HEADER_FILE_BYTES, shared.length, true);
    view.setUint32(format.HEADER_DATA_BYTES, 256, true);
    view.setUint32(opsAt + 2 * format.OP_BYTES + format.OP_TABLE, dataAt, true);
    expect(() => parseModel(repair(shared))).toThrow("header: 256 bytes of data for arrays of 512");
  });
});
