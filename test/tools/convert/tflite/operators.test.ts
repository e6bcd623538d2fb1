/** Every TFLite operation: converted, and lowered and run by onnxruntime, against the LiteRT interpreter. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { convert } from "../../../../tools/convert/index.js";
import { loadGraph } from "../../../../tools/convert/load.js";
import { openSession } from "../../../../tools/convert/runtime.js";
import { FLOAT16 } from "../../../../tools/convert/tflite/read.js";
import { images, TIMEOUT } from "../onnx-builder.js";
import { hasLiteRt, runLiteRt } from "./litert.js";
import { type CODES, type Option, TfliteBuilder } from "./tflite-builder.js";

vi.setConfig({ testTimeout: TIMEOUT, hookTimeout: TIMEOUT });

const [HEIGHT, WIDTH, CHANNELS] = [12, 16, 6];

type Make = (b: TfliteBuilder, x: number) => number;

const unary =
  (name: keyof typeof CODES, options: readonly Option[] = []): Make =>
  (b, x) =>
    b.operator(name, [x], b.shape(x), options);

const binary =
  (name: keyof typeof CODES, shape: readonly number[], fused = 0): Make =>
  (b, x) =>
    b.operator(name, [x, b.noise(shape, 0.4, 1)], b.shape(x), [[0, "int8", fused]]);

const windowOptions = (same: boolean, stride: number): Option[] => [
  [0, "int8", same ? 0 : 1],
  [1, "int32", stride],
  [2, "int32", stride],
];

function depthwise(same: boolean, stride: number, multiplier: number, dilation = 1): Make {
  return (b, x) => {
    const span = dilation * 2 + 1;
    const size = (length: number) => Math.ceil((same ? length : length - span + 1) / stride);
    const out = CHANNELS * multiplier;
    const weights = b.noise([1, 3, 3, out], 0.5);
    return b.operator(
      "DEPTHWISE_CONV_2D",
      [x, weights, b.noise([out], 0.3)],
      [1, size(HEIGHT), size(WIDTH), out],
      [
        ...windowOptions(same, stride),
        [3, "int32", multiplier],
        [4, "int8", 3],
        [5, "int32", dilation],
        [6, "int32", dilation],
      ],
    );
  };
}

function transposed(kernel: number, same: boolean, hasBias: boolean): Make {
  return (b, x) => {
    const size = (length: number) => (same ? 2 * length : 2 * (length - 1) + kernel);
    const shape = [1, size(HEIGHT), size(WIDTH), 5];
    const inputs = [b.integers(...shape), b.noise([5, kernel, kernel, CHANNELS], 0.5), x];
    if (hasBias) inputs.push(b.noise([5], 0.3));
    return b.operator("TRANSPOSE_CONV", inputs, shape, windowOptions(same, 2));
  };
}

function pool(name: "AVERAGE_POOL_2D" | "MAX_POOL_2D", kernel: number, stride: number, same: boolean): Make {
  return (b, x) => {
    const size = (length: number) => Math.ceil((same ? length : length - kernel + 1) / stride);
    return b.operator(
      name,
      [x],
      [1, size(HEIGHT), size(WIDTH), CHANNELS],
      [...windowOptions(same, stride), [3, "int32", kernel], [4, "int32", kernel]],
    );
  };
}

function resize(
  name: "RESIZE_BILINEAR" | "RESIZE_NEAREST_NEIGHBOR",
  height: number,
  width: number,
  aligned: number,
  half: number,
): Make {
  const first = name === "RESIZE_BILINEAR" ? 2 : 0;
  return (b, x) =>
    b.operator(
      name,
      [x, b.integers(height, width)],
      [1, height, width, CHANNELS],
      [
        [first, "int8", aligned],
        [first + 1, "int8", half],
      ],
    );
}

const squeezed: Make = (b, x) => {
  const mean = b.operator("MEAN", [x, b.integers(1, 2)], [1, CHANNELS]);
  const hidden = b.operator(
    "FULLY_CONNECTED",
    [mean, b.noise([4, CHANNELS], 0.6), b.noise([4], 0.2)],
    [1, 4],
    [[0, "int8", 1]],
  );
  const out = b.operator(
    "FULLY_CONNECTED",
    [hidden, b.noise([CHANNELS, 4], 0.6), b.noise([CHANNELS], 0.2)],
    [1, CHANNELS],
  );
  const gate = b.operator("LOGISTIC", [out], [1, CHANNELS]);
  const wide = b.operator("RESHAPE", [gate, b.integers(1, 1, 1, CHANNELS)], [1, 1, 1, CHANNELS]);
  return b.operator("MUL", [x, wide], b.shape(x));
};

const halfWeights: Make = (b, x) => {
  // 0x3800 is 0.5 as IEEE binary16, 0xb400 is -0.25.
  const data = Array.from({ length: 4 * CHANNELS }, (_, at) => (at % 3 === 0 ? 0x3800 : 0xb400));
  const half = b.tensor([4, 1, 1, CHANNELS], { type: FLOAT16, data });
  const weights = b.operator("DEQUANTIZE", [half], [4, 1, 1, CHANNELS]);
  return b.operator(
    "CONV_2D",
    [x, weights, b.noise([4], 0.3)],
    [1, HEIGHT, WIDTH, 4],
    windowOptions(true, 1),
  );
};

const CASES: Readonly<Record<string, Make>> = {
  ABS: unary("ABS"),
  "ADD with one number a channel": binary("ADD", [CHANNELS]),
  "ADD of a tensor to itself": (b, x) => b.operator("ADD", [x, x], b.shape(x), [[0, "int8", 1]]),
  "AVERAGE_POOL_2D over the plane": (b, x) =>
    b.operator(
      "AVERAGE_POOL_2D",
      [x],
      [1, 1, 1, CHANNELS],
      [...windowOptions(false, 1), [3, "int32", WIDTH], [4, "int32", HEIGHT]],
    ),
  "AVERAGE_POOL_2D, SAME": pool("AVERAGE_POOL_2D", 3, 2, true),
  CONCATENATION: (b, x) =>
    b.operator(
      "CONCATENATION",
      [x, unary("NEG")(b, x)],
      [1, HEIGHT, WIDTH, 2 * CHANNELS],
      [[0, "int32", -1]],
    ),
  "CONV_2D, stride 2": (b, x) => b.conv(x, 5, 3, 2),
  "CONV_2D, stride 2 on odd sizes": (b, x) => b.conv(pool("MAX_POOL_2D", 2, 1, false)(b, x), 5, 3, 2, 1),
  "CONV_2D, dilation 2": (b, x) => b.conv(x, 5, 3, 1, 3, 2),
  "CONV_2D with groups": (b, x) =>
    b.operator(
      "CONV_2D",
      [x, b.noise([4, 3, 3, CHANNELS / 2], 0.4), b.noise([4], 0.2)],
      [1, HEIGHT, WIDTH, 4],
      windowOptions(true, 1),
    ),
  "CONV_2D with float16 weights": halfWeights,
  DEPTHWISE_CONV_2D: depthwise(true, 1, 1),
  "DEPTHWISE_CONV_2D, stride 2": depthwise(true, 2, 1),
  "DEPTHWISE_CONV_2D, two outputs a channel, VALID": depthwise(false, 1, 2),
  "DEPTHWISE_CONV_2D, dilation 2": depthwise(true, 1, 1, 2),
  DEPTH_TO_SPACE: (b, x) =>
    b.operator("DEPTH_TO_SPACE", [b.conv(x, 8)], [1, 2 * HEIGHT, 2 * WIDTH, 2], [[0, "int32", 2]]),
  DIV: binary("DIV", [1]),
  ELU: unary("ELU"),
  EXP: unary("EXP"),
  HARD_SWISH: unary("HARD_SWISH"),
  LEAKY_RELU: unary("LEAKY_RELU", [[0, "float32", 0.25]]),
  LOGISTIC: unary("LOGISTIC"),
  MAXIMUM: (b, x) => b.operator("MAXIMUM", [x, unary("NEG")(b, x)], b.shape(x)),
  "MAX_POOL_2D, SAME": pool("MAX_POOL_2D", 3, 2, true),
  "MAX_POOL_2D, VALID": pool("MAX_POOL_2D", 2, 2, false),
  "MEAN, FULLY_CONNECTED and RESHAPE": squeezed,
  "MEAN with kept axes": (b, x) =>
    b.operator("MEAN", [x, b.integers(1, 2)], [1, 1, 1, CHANNELS], [[0, "int8", 1]]),
  MINIMUM: (b, x) => b.operator("MINIMUM", [x, unary("NEG")(b, x)], b.shape(x)),
  MIRROR_PAD: (b, x) =>
    b.operator(
      "MIRROR_PAD",
      [x, b.tensor([4, 2], { type: 2, data: [0, 0, 1, 2, 2, 1, 0, 0] })],
      [1, HEIGHT + 3, WIDTH + 3, CHANNELS],
    ),
  "MUL with RELU6": binary("MUL", [1, 1, 1, CHANNELS], 3),
  PAD: (b, x) =>
    b.operator(
      "PAD",
      [x, b.tensor([4, 2], { type: 2, data: [0, 0, 1, 0, 2, 3, 0, 0] })],
      [1, HEIGHT + 1, WIDTH + 5, CHANNELS],
    ),
  PADV2: (b, x) =>
    b.operator(
      "PADV2",
      [x, b.tensor([4, 2], { type: 2, data: [0, 0, 1, 0, 2, 3, 0, 0] }), b.tensor([1], { data: [0.5] })],
      [1, HEIGHT + 1, WIDTH + 5, CHANNELS],
    ),
  PRELU: (b, x) => b.operator("PRELU", [x, b.noise([1, 1, CHANNELS], 0.2, 0.3)], b.shape(x)),
  RELU: unary("RELU"),
  RELU6: unary("RELU6"),
  RELU_N1_TO_1: unary("RELU_N1_TO_1"),
  "RESIZE_BILINEAR, asymmetric": resize("RESIZE_BILINEAR", 24, 32, 0, 0),
  "RESIZE_BILINEAR, half-pixel centres": resize("RESIZE_BILINEAR", 36, 48, 0, 1),
  "RESIZE_BILINEAR, aligned corners": resize("RESIZE_BILINEAR", 23, 31, 1, 0),
  RESIZE_NEAREST_NEIGHBOR: resize("RESIZE_NEAREST_NEIGHBOR", 24, 32, 0, 0),
  "RESIZE_NEAREST_NEIGHBOR, half-pixel centres": resize("RESIZE_NEAREST_NEIGHBOR", 24, 32, 0, 1),
  "RSQRT and SQUARE": (b, x) => unary("RSQRT")(b, binary("ADD", [1])(b, unary("SQUARE")(b, x))),
  SLICE: (b, x) =>
    b.operator("SLICE", [x, b.integers(0, 2, 1, 0), b.integers(1, 8, -1, 4)], [1, 8, WIDTH - 1, 4]),
  SOFTMAX: unary("SOFTMAX", [[0, "float32", 1]]),
  SPACE_TO_DEPTH: (b, x) =>
    b.operator("SPACE_TO_DEPTH", [x], [1, HEIGHT / 2, WIDTH / 2, 4 * CHANNELS], [[0, "int32", 2]]),
  STRIDED_SLICE: (b, x) =>
    b.operator(
      "STRIDED_SLICE",
      [x, b.integers(0, 1, 0, 0), b.integers(1, HEIGHT, 0, CHANNELS), b.integers(1, 2, 2, 1)],
      [1, 6, 8, CHANNELS],
      [[1, "int32", 4]],
    ),
  SUB: binary("SUB", [1, 1, 1, CHANNELS]),
  TANH: unary("TANH"),
  "TRANSPOSE_CONV, SAME": transposed(3, true, false),
  "TRANSPOSE_CONV, VALID, with bias": transposed(3, false, true),
  "TRANSPOSE_CONV, kernel 2": transposed(2, true, false),
};

/** 3x3 convolution, the operation, 1x1 convolution to four scores. */
function network(make: Make, seed: number): Uint8Array {
  const b = new TfliteBuilder(seed);
  const input = b.tensor([1, HEIGHT, WIDTH, 3]);
  const output = make(b, b.conv(input, CHANNELS, 3));
  return b.build([input], [b.conv(output, 4)]);
}

/** Read, but not supported inside a network. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "RESIZE_BILINEAR, aligned corners": /16x12 to 31x23 is no common factor/,
};

describe("converted as a whole", () => {
  const names = Object.keys(CASES);
  const options = {
    calibration: images(2, WIDTH, HEIGHT),
    method: "min-max",
    activationBits: 8,
  } as const;

  test.each(names.map((name, index) => [name, index] as const))("%s", async (name, index) => {
    const converted = convert(network(CASES[name]!, index + 1), options);
    if (REFUSED[name]) await expect(converted).rejects.toThrow(REFUSED[name]);
    else expect((await converted).report.chosen!.decibels).toBeGreaterThan(18);
  });
});

describe.skipIf(!hasLiteRt)("in onnxruntime as in LiteRT (python3 with ai-edge-litert)", () => {
  const b = new TfliteBuilder(99);
  const image = Float32Array.from({ length: 3 * HEIGHT * WIDTH }, () => b.random.integer(0, 1000) / 1000);
  const names = Object.keys(CASES);
  const files = names.map((name, index) => network(CASES[name]!, index + 1));
  let outputs: Uint8Array[] = [];

  beforeAll(() => {
    const input = new Uint8Array(image.buffer);
    outputs = runLiteRt(files.map((bytes) => ({ bytes, input })));
  });

  test.each(names.map((name, index) => [name, index] as const))("%s", async (_, index) => {
    const loaded = loadGraph(files[index]!);
    const session = await openSession(loaded, new Map([[loaded.graph.output, 1]]), true);
    const planes = Float32Array.from(
      image,
      (_, at) => image[(at % (HEIGHT * WIDTH)) * 3 + Math.floor(at / (HEIGHT * WIDTH))]!,
    );
    const wanted = new Float32Array(outputs[index]!.buffer);
    await session.run(planes, (_, { dims, data }) => {
      const plane = dims[2]! * dims[3]!;
      expect(wanted.length).toBe(data.length);
      wanted.forEach((value, at) => {
        const got = data[(at % 4) * plane + Math.floor(at / 4)]!;
        if (!(Math.abs(got - value) < 1e-4 * (1 + Math.abs(value)))) expect(got).toBeCloseTo(value, 4);
      });
    });
    await session.release();
  });
});
