/** TFLite files as a whole: what is refused, damaged bytes, and full-integer networks against LiteRT. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { EngineBuild, runLogits } from "../../../../tools/common/engine.js";
import { ConvertError } from "../../../../tools/convert/errors.js";
import { toInput } from "../../../../tools/convert/feed.js";
import { convert, loadGraph } from "../../../../tools/convert/index.js";
import { INT8, INT32, UINT8 } from "../../../../tools/convert/tflite/read.js";
import { Random } from "../../../fixtures/random.js";
import { images, TIMEOUT } from "../onnx-builder.js";
import { hasLiteRt, runLiteRt } from "./litert.js";
import { TfliteBuilder } from "./tflite-builder.js";

vi.setConfig({ testTimeout: TIMEOUT });

const NETWORKS = new URL("../../../../../shared/networks/", import.meta.url);
const [HEIGHT, WIDTH] = [32, 48];

function floatNetwork(): TfliteBuilder & { output: number } {
  const b = new TfliteBuilder(5);
  const input = b.tensor([1, HEIGHT, WIDTH, 3], { name: "image" });
  const stem = b.conv(input, 16, 3, 2, 1);
  const sum = b.operator("ADD", [stem, b.conv(stem, 16, 3, 1, 1)], b.shape(stem), [[0, "int8", 0]]);
  return Object.assign(b, { output: b.conv(sum, 5) });
}

interface Integer {
  readonly index: number;
  readonly scale: number;
}

/** uint8 in, int8 inside: convolutions, a pool, a sum, a resize. Scales are wide enough for any weights of the seed. */
function integerNetwork(weightZero = 0): { bytes: Uint8Array; scale: number; zero: number } {
  const b = new TfliteBuilder(8);
  const image = b.tensor([1, HEIGHT, WIDTH, 3], { type: UINT8, scales: [1 / 127.5], zeros: [127] });
  const activation = (shape: readonly number[], scale: number, zero: number): number =>
    b.tensor(shape, { type: INT8, scales: [scale], zeros: [zero] });
  const input = b.operator("QUANTIZE", [image], activation([1, HEIGHT, WIDTH, 3], 1 / 127.5, -1));
  const conv = (
    from: Integer,
    outputs: number,
    kernel: number,
    stride: number,
    scale: number,
    zero: number,
  ): Integer => {
    const [, height, width, channels] = b.shape(from.index) as [number, number, number, number];
    const scales = Array.from(
      { length: outputs },
      (_, o) => (0.5 + 0.1 * (o % 4)) / 127 / Math.sqrt(channels),
    );
    const count = outputs * kernel * kernel * channels;
    const data = Array.from({ length: count }, () => b.random.integer(-127, 127));
    const weights = b.tensor([outputs, kernel, kernel, channels], {
      type: INT8,
      data,
      scales,
      zeros: [weightZero],
    });
    const bias = b.tensor([outputs], {
      type: INT32,
      data: Array.from({ length: outputs }, () => b.random.integer(-2000, 2000)),
      scales: scales.map((value) => value * from.scale),
    });
    const shape = [1, height / stride, width / stride, outputs];
    const index = b.operator("CONV_2D", [from.index, weights, bias], activation(shape, scale, zero), [
      [1, "int32", stride],
      [2, "int32", stride],
      [3, "int8", zero === -128 ? 1 : 0],
    ]);
    return { index, scale };
  };
  const stem = conv({ index: input, scale: 1 / 127.5 }, 16, 3, 2, 0.02, -128);
  const body = conv(stem, 16, 3, 1, 0.03, -128);
  const sum = b.operator("ADD", [stem.index, body.index], activation(b.shape(stem.index), 0.04, -128));
  const large = activation([1, HEIGHT, WIDTH, 16], 0.04, -128);
  b.operator("RESIZE_BILINEAR", [sum, b.integers(HEIGHT, WIDTH)], large, [[3, "int8", 1]]);
  const [scale, zero] = [0.04, 5];
  const logits = conv({ index: large, scale: 0.04 }, 5, 1, 1, scale, zero);
  return { bytes: b.build([image], [logits.index]), scale, zero };
}

describe("a float file", () => {
  test("converts, with its own name of format and its hash", async () => {
    const b = floatNetwork();
    const bytes = b.build([0], [b.output]);
    const { report, model } = await convert(bytes, { calibration: images(3, WIDTH, HEIGHT) });
    expect(report).toMatchObject({ format: "TFLite", kind: "float", pictures: 3 });
    expect([model.width, model.height]).toEqual([WIDTH, HEIGHT]);
    expect(report.chosen!.decibels).toBeGreaterThan(25);
    expect(report.chosen!.agreement).toBeGreaterThan(0.97);
  });

  test("whose output is the probability of one of two classes keeps both", async () => {
    const b = new TfliteBuilder(6);
    const input = b.tensor([1, HEIGHT, WIDTH, 3]);
    const logits = b.conv(b.conv(input, 8, 3, 1, 1), 2);
    const both = b.operator("SOFTMAX", [logits], b.shape(logits), [[0, "float32", 1]]);
    const end = b.integers(1, HEIGHT, WIDTH, 2);
    const one = b.operator(
      "STRIDED_SLICE",
      [both, b.integers(0, 0, 0, 1), end, b.integers(1, 1, 1, 1)],
      [1, HEIGHT, WIDTH, 1],
    );
    const flat = b.operator("RESHAPE", [one, b.integers(1, HEIGHT * WIDTH)], [1, HEIGHT * WIDTH]);
    const { report, model } = await convert(b.build([input], [flat]), {
      calibration: images(1, WIDTH, HEIGHT),
    });
    expect(model.metadata.classes.length).toBe(2);
    expect(report.notes).toContainEqual(expect.stringContaining("is the probability of one of two classes"));
  });
});

describe("what is not supported is refused by name", () => {
  const refusal = (bytes: Uint8Array): string => {
    try {
      loadGraph(bytes);
    } catch (error) {
      if (error instanceof ConvertError) return error.message;
      throw error;
    }
    return "";
  };

  test("operations, all at once with counts", () => {
    const b = floatNetwork();
    const shape = b.shape(b.output);
    const first = b.operator("BATCH_MATMUL", [b.output, b.output], shape);
    const second = b.operator("BATCH_MATMUL", [first, first], shape);
    const custom = b.operator("CUSTOM", [second], shape, [], "Mystery");
    expect(refusal(b.build([0], [custom]))).toMatch(
      /^not supported: BATCH_MATMUL \(2\), Mystery; supported are ABS, /,
    );
  });

  test("int8 weights with a zero point, as a damaged export has them", () => {
    expect(refusal(integerNetwork(-127).bytes)).toMatch(
      /^CONV_2D "t\d+": its int8 weights "t\d+" have zero point -127, .* export it again$/,
    );
  });

  test("an input that is no image", () => {
    const b = new TfliteBuilder();
    const input = b.tensor([1, 8, 8, 4], { name: "four" });
    expect(refusal(b.build([input], [b.conv(input, 2)]))).toBe(
      'input "four": expected [1, height, width, 3], got [1,8,8,4]',
    );
  });

  test("--mean and --std where the file says how its input is fed", async () => {
    await expect(convert(integerNetwork().bytes, { mean: [0.5, 0.5, 0.5] })).rejects.toThrow(
      "the file's input is uint8 or int8 and says itself how colours are scaled; leave out mean, std and levels",
    );
  });
});

test("damaged bytes are refused in little time, or read", () => {
  const { bytes } = integerNetwork();
  const random = new Random(3);
  const attempt = (damaged: Uint8Array): void => {
    try {
      loadGraph(damaged);
    } catch (error) {
      if (!(error instanceof ConvertError)) throw error;
    }
  };
  for (let round = 0; round < 300; round++) {
    attempt(bytes.slice(0, random.integer(8, bytes.length)));
    const changed = bytes.slice();
    // Most of the file is weights; its tables are in the last part.
    for (let i = 0; i < 3; i++) changed[random.integer(8, 2000)] = random.integer(0, 255);
    attempt(changed);
  }
});

describe.skipIf(!hasLiteRt)("a full-integer file (python3 with ai-edge-litert)", () => {
  test("keeps its scales and zero points, and gives LiteRT's numbers up to a step or two", async () => {
    const { bytes, scale, zero } = integerNetwork();
    const { model, report } = await convert(bytes);
    expect(report).toMatchObject({ kind: "quantized", notes: [] });
    const logits = model.tensors[model.ops.at(-1)!.inputs[0]!]!;
    expect(logits).toMatchObject({ scale: Math.fround(scale), zero });
    const [image] = images(1, WIDTH, HEIGHT);
    const [output] = runLiteRt([{ bytes, input: image! }]);
    const wanted = new Int8Array(output!.buffer);
    const got = runLogits((await EngineBuild.open()).load(model, model), toInput(image!));
    let equal = 0;
    got.forEach((value, at) => {
      expect(Math.abs(value - wanted[at]!)).toBeLessThanOrEqual(2);
      if (value === wanted[at]) equal++;
    });
    expect(equal / got.length).toBeGreaterThan(0.85);
  });
});

describe.skipIf(!existsSync(NETWORKS))("networks that others have published (../shared/networks)", () => {
  const read = (name: string): Uint8Array => readFileSync(new URL(name, NETWORKS));

  test.each([
    ["mlperf_deeplabv3_mnv2_ade20k_int8.tflite", 512, 32],
    ["mnv3_post_quant.tflite", 256, 2],
  ])("%s converts as it is quantized", async (name, size, classes) => {
    const { model, report } = await convert(read(name));
    expect(report).toMatchObject({ kind: "quantized", format: "TFLite", notes: [] });
    expect([model.width, model.height, model.metadata.classes.length]).toEqual([size, size, classes]);
  });

  test.each(["selfie_segmentation", "unet_person_float_08", "slim_reshape_512"])("%s is read", (name) => {
    expect(loadGraph(read(`${name}.tflite`)).format).toBe("TFLite");
  });

  test("mnv3_seg_quant.tflite, damaged by its exporter, is refused", () => {
    expect(() => loadGraph(read("mnv3_seg_quant.tflite"))).toThrow("have zero point -127");
  });
});
