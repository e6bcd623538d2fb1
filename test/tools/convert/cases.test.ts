/** Small networks of every kind of operation and head that exporters write: masks and scores are those of onnxruntime. */
import * as ort from "onnxruntime-web";
import { describe, expect, test, vi } from "vitest";
import { convert } from "../../../tools/convert/index.js";
import { INT64 } from "../../../tools/convert/onnx/read.js";
import { type JudgeOptions, judge, planes } from "./judged.js";
import { images, OnnxBuilder, TIMEOUT } from "./onnx-builder.js";

vi.setConfig({ testTimeout: TIMEOUT });

/** Part of a network between a 3x3 convolution to 8 channels and one to 4 scores: the output and its channels. */
type Part = (b: OnnxBuilder, x: string) => string | readonly [output: string, channels: number];

/** Most of the classes of random networks are decided by little. */
const AGREEMENT = 0.96;
const DECIBELS = 20;

function network(part: Part, opset = 17, stride = 1): Uint8Array {
  const b = new OnnxBuilder(3, [1, 3, 64, 64]);
  const x = b.conv("x", 3, 8, 3, { stride });
  const made = part(b, x);
  const [output, channels] = typeof made === "string" ? [made, 8] : made;
  return b.build(b.conv(output, channels, 4), opset);
}

const reshape = (b: OnnxBuilder, x: string, ...sizes: number[]): string =>
  b.node("Reshape", [x, b.ints(...sizes)]);
const transpose = (b: OnnxBuilder, x: string, ...perm: number[]): string =>
  b.node("Transpose", [x], { perm });
const scale = (b: OnnxBuilder, y: number, x: number): string => b.constant([1, 1, y, x]);

const ASYMMETRIC = { coordinate_transformation_mode: "asymmetric" };

const PARTS: [name: string, part: Part, stride?: number, opset?: number][] = [
  ["Clip by attributes", (b, x) => b.node("Clip", [x], { min: { float: -0.5 }, max: { float: 0.5 } }), 1, 7],
  ["Upsample by an input", (b, x) => b.node("Upsample", [x, scale(b, 2, 2)], { mode: "nearest" }), 2, 9],
  ["Resize of two inputs", (b, x) => b.node("Resize", [x, scale(b, 2, 2)], { mode: "linear" }), 2, 10],
  [
    "Slice and Pad by attributes",
    (b, x) => [
      b.node("Pad", [b.node("Slice", [x], { starts: [1], ends: [5], axes: [1] })], {
        pads: [0, 0, 1, 1, 0, 0, 1, 1],
      }),
      4,
    ],
    1,
    9,
  ],
  ["Max of one", (b, x) => b.node("Max", [x])],
  ["Max of three", (b, x) => b.node("Max", [x, b.number(-0.2), b.number(0.1)])],
  ["Min of two activations", (b, x) => b.node("Min", [x, b.conv(x, 8, 8)])],
  ["Max of two activations", (b, x) => b.node("Max", [x, b.conv(x, 8, 8)])],
  [
    "Div by an activation",
    (b, x) => b.node("Div", [x, b.node("Add", [b.node("Abs", [b.conv(x, 8, 8)]), b.number(1)])]),
  ],
  [
    "a row times a column",
    (b, x) => {
      const [row, column] = [2, 3].map((axis) => b.node("ReduceMean", [x], { axes: [axis], keepdims: 1 }));
      return b.node("Add", [x, b.node("Mul", [row!, column!])]);
    },
  ],
  [
    "channel attention by a Conv along the channels",
    (b, x) => {
      const pooled = reshape(b, b.node("GlobalAveragePool", [x]), 1, 1, 8);
      const mixed = b.node("Conv", [pooled, b.noise([1, 1, 3], 0.9)], { kernel_shape: [3], pads: [1, 1] });
      return b.node("Mul", [x, reshape(b, b.node("Sigmoid", [mixed]), 1, 8, 1, 1)]);
    },
  ],
  [
    "ConvTranspose 2x2, stride 2",
    (b, x) =>
      b.node("ConvTranspose", [x, b.noise([8, 8, 2, 2], 0.5)], { strides: [2, 2], kernel_shape: [2, 2] }),
    2,
  ],
  [
    "ConvTranspose 3x3, stride 2, output padding",
    (b, x) =>
      b.node("ConvTranspose", [x, b.noise([8, 8, 3, 3], 0.5), b.noise([8], 0.3)], {
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        output_padding: [1, 1],
      }),
    2,
  ],
  [
    "ConvTranspose 4x4, stride 2, groups",
    (b, x) =>
      b.node("ConvTranspose", [x, b.noise([8, 4, 4, 4], 0.5)], {
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        group: 2,
      }),
    2,
  ],
  [
    "ConvTranspose 4x4 depthwise",
    (b, x) =>
      b.node("ConvTranspose", [x, b.noise([8, 1, 4, 4], 0.5)], {
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        group: 8,
      }),
    2,
  ],
  [
    "ConvTranspose of stride 1, dilated",
    (b, x) =>
      b.node("ConvTranspose", [x, b.noise([8, 8, 3, 3], 0.5)], { pads: [2, 2, 2, 2], dilations: [2, 2] }),
  ],
  [
    "ConvTranspose of uneven strides",
    (b, x) =>
      b.node("ConvTranspose", [x, b.noise([8, 8, 3, 5], 0.5)], { strides: [1, 3], pads: [1, 1, 1, 2] }),
  ],
  ["DepthToSpace, DCR", (b, x) => [b.node("DepthToSpace", [b.conv(x, 8, 32)], { blocksize: 2 }), 8], 2],
  [
    "DepthToSpace, CRD",
    (b, x) => [b.node("DepthToSpace", [b.conv(x, 8, 32)], { blocksize: 2, mode: "CRD" }), 8],
    2,
  ],
  ["SpaceToDepth", (b, x) => [b.node("SpaceToDepth", [x], { blocksize: 2 }), 32]],
  [
    "PixelShuffle by Reshape and Transpose",
    (b, x) => {
      const split = reshape(b, b.conv(x, 8, 32), 1, 8, 2, 2, 32, 32);
      return reshape(b, transpose(b, split, 0, 1, 4, 2, 5, 3), 1, 8, 64, 64);
    },
    2,
  ],
  [
    "Focus by strided Slices",
    (b, x) => {
      const part = (y: number, at: number): string =>
        b.node("Slice", [x, b.ints(y, at), b.ints(64, 64), b.ints(2, 3), b.ints(2, 2)]);
      return [b.node("Concat", [part(0, 0), part(1, 0), part(0, 1), part(1, 1)], { axis: 1 }), 32];
    },
  ],
  [
    "channel Slices and Concat",
    (b, x) => {
      const part = (first: number, end: number): string =>
        b.node("Slice", [x, b.ints(first), b.ints(end), b.ints(1)]);
      return b.node("Concat", [part(4, 8), b.node("Relu", [part(0, 4)])], { axis: 1 });
    },
  ],
  ["a crop", (b, x) => b.node("Slice", [x, b.ints(1, 2), b.ints(-1, -2), b.ints(2, 3)])],
  [
    "channel shuffle",
    (b, x) => reshape(b, transpose(b, reshape(b, x, 1, 2, 4, 64, 64), 0, 2, 1, 3, 4), 1, 8, 64, 64),
  ],
  ["Gather of channels", (b, x) => [b.node("Gather", [x, b.ints(5, 0, 3)], { axis: 1 }), 3]],
  [
    "adaptive average pooling by Gather",
    (b, x) => {
      const flat = reshape(b, b.node("ReduceMean", [x], { axes: [-1, -2], keepdims: 1 }), -1);
      const indices = b.constant([0, 1, 2, 3, 4, 5, 6, 7], [1, 8, 1, 1], INT64);
      return b.node("Mul", [
        x,
        b.node("Sigmoid", [b.conv(b.node("Gather", [flat, indices], { axis: 0 }), 8, 8)]),
      ]);
    },
  ],
  [
    "squeeze and excitation by Gemm",
    (b, x) => {
      const flat = b.node("Flatten", [b.node("GlobalAveragePool", [x])]);
      const hidden = b.node("Relu", [
        b.node("Gemm", [flat, b.noise([4, 8], 1), b.noise([4], 0.3)], { transB: 1 }),
      ]);
      const gate = b.node("Sigmoid", [b.node("Gemm", [hidden, b.noise([4, 8], 1)])]);
      return b.node("Mul", [x, reshape(b, gate, 1, 8, 1, 1)]);
    },
  ],
  [
    "MatMul on channels last",
    (b, x) => transpose(b, b.node("MatMul", [transpose(b, x, 0, 2, 3, 1), b.noise([8, 8], 0.6)]), 0, 3, 1, 2),
  ],
  ["PRelu, a slope each", (b, x) => b.node("PRelu", [x, b.noise([8, 1, 1], 0.3, 0.2)])],
  ["GlobalMaxPool", (b, x) => b.node("Mul", [x, b.node("Sigmoid", [b.node("GlobalMaxPool", [x])])])],
  [
    "means and maxima of channels",
    (b, x) => {
      const both = ["ReduceMean", "ReduceMax"].map((type) => b.node(type, [x], { axes: [1], keepdims: 1 }));
      return b.node("Mul", [x, b.node("Sigmoid", [b.conv(b.node("Concat", both, { axis: 1 }), 2, 1, 3)])]);
    },
  ],
  [
    "ReduceSum and ReduceMin",
    (b, x) => {
      const sum = b.node("ReduceSum", [x, b.ints(1)], { keepdims: 1 });
      return b.node("Add", [x, b.node("Mul", [sum, b.node("ReduceMin", [x], { axes: [1], keepdims: 1 })])]);
    },
  ],
  [
    "InstanceNormalization",
    (b, x) => b.node("InstanceNormalization", [x, b.noise([8], 0.4, 1), b.noise([8], 0.3)]),
  ],
  [
    "GroupNormalization in parts",
    (b, x) => {
      const norm = b.node("InstanceNormalization", [
        reshape(b, x, 0, 4, -1),
        b.constant([1, 1, 1, 1]),
        b.constant([0, 0, 0, 0]),
      ]);
      return b.node("Mul", [reshape(b, norm, 1, 8, 64, 64), b.noise([8, 1, 1], 0.4, 1)]);
    },
  ],
  [
    "LayerNormalization of channels",
    (b, x) => {
      const norm = b.node(
        "LayerNormalization",
        [transpose(b, x, 0, 2, 3, 1), b.noise([8], 0.4, 1), b.noise([8], 0.3)],
        { axis: -1 },
      );
      return transpose(b, norm, 0, 3, 1, 2);
    },
  ],
  [
    "AveragePool of padding, ceil_mode",
    (b, x) =>
      b.node("AveragePool", [x], {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        ceil_mode: 1,
        count_include_pad: 1,
      }),
  ],
  ["reflected padding", (b, x) => b.node("Pad", [x, b.ints(0, 0, 1, 2, 0, 0, 3, 1)], { mode: "reflect" })],
  ["padding by the edge", (b, x) => b.node("Pad", [x, b.ints(0, 0, 1, 2, 0, 0, 3, 1)], { mode: "edge" })],
  [
    "linear from asymmetric positions",
    (b, x) =>
      b.node("Resize", [x, "", scale(b, 2, 2)], {
        mode: "linear",
        coordinate_transformation_mode: "asymmetric",
      }),
    2,
  ],
  [
    "nearest by two factors",
    (b, x) =>
      b.node("Resize", [x, "", scale(b, 2, 3)], {
        mode: "nearest",
        coordinate_transformation_mode: "asymmetric",
        nearest_mode: "floor",
      }),
    2,
  ],
  ...(
    [
      ["ceil, asymmetric", 2, 3, { nearest_mode: "ceil", ...ASYMMETRIC }],
      ["the higher of equals, asymmetric", 2, 4, { nearest_mode: "round_prefer_ceil", ...ASYMMETRIC }],
      ["down, half-pixel centres", 0.25, 0.5, { nearest_mode: "ceil" }],
    ] as const
  ).map(([name, y, x, attributes]): (typeof PARTS)[number] => [
    `nearest, ${name}`,
    (b, input) => b.node("Resize", [input, "", scale(b, y, x)], { mode: "nearest", ...attributes }),
    2,
  ]),
  [
    "sizes that keep the proportions, and axes in another order",
    (b, x) => {
      const linear = { mode: "linear", keep_aspect_ratio_policy: "not_larger", axes: [3, 2] };
      return b.node("Resize", [x, "", "", b.ints(64, 48)], linear);
    },
    2,
    18,
  ],
  [
    "linear to a size that no other tensor has",
    (b, x) => b.node("Resize", [x, "", "", b.ints(1, 8, 50, 61)], { mode: "linear" }),
    2,
  ],
  [
    "a mean enlarged by a factor",
    (b, x) => {
      const mean = b.node("GlobalAveragePool", [x]);
      const wide = b.node("Resize", [mean, "", scale(b, 64, 64)], {
        mode: "linear",
        coordinate_transformation_mode: "asymmetric",
      });
      return [b.node("Concat", [x, wide], { axis: 1 }), 16];
    },
  ],
  [
    "Expand of a mean",
    (b, x) => [
      b.node("Concat", [x, b.node("Expand", [b.node("GlobalAveragePool", [x]), b.ints(1, 8, 64, 64)])], {
        axis: 1,
      }),
      16,
    ],
  ],
  ["Softmax of two channels", (b, x) => [b.node("Softmax", [b.conv(x, 8, 2)], { axis: 1 }), 2]],
  [
    "weights that are computed",
    (b, x) => b.node("Conv", [x, b.node("Div", [b.noise([8, 8, 1, 1], 1), b.number(2)])]),
  ],
  [
    "an empty constant in a Concat",
    (b, x) => b.node("Concat", [x, b.constant([], [1, 0, 64, 64])], { axis: 1 }),
  ],
  [
    "ones that make a tensor wider",
    (b, x) => b.node("Mul", [b.conv(x, 8, 1), b.constant(new Float32Array(8).fill(1), [1, 8, 1, 1])]),
  ],
];

describe("masks and scores are those of onnxruntime:", () => {
  test.each(PARTS)("%s", async (_, part, stride = 1, opset = 17) => {
    const { agreement, decibels } = await judge(network(part, opset, stride));
    expect(decibels).toBeGreaterThan(DECIBELS);
    expect(agreement).toBeGreaterThan(AGREEMENT);
  });

  test("MaxUnpool, on maxima that differ by much", async () => {
    const bytes = network((b, x) => {
      const pool = b.node("MaxPool", [b.conv(x, 8, 8, 3)], { kernel_shape: [2, 2], strides: [2, 2] });
      b.nodes.at(-1)!.outputs.push("places");
      return b.node("MaxUnpool", [pool, "places"], { kernel_shape: [2, 2], strides: [2, 2] });
    });
    const { model, notes } = { ...(await judge(bytes, { force: true })), notes: [] };
    expect(model.ops.map(({ code }) => code)).toContain(20);
    expect(notes).toEqual([]);
  });
});

/** Scores of some classes. */
const scores = (b: OnnxBuilder, classes: number): string => b.conv(b.conv("x", 3, 8, 3), 8, classes);

describe("heads:", () => {
  const HEADS: readonly (readonly [string, (b: OnnxBuilder) => string])[] = [
    ["one class with Sigmoid", (b) => b.node("Sigmoid", [scores(b, 1)])],
    [
      "one class, enlarged after Sigmoid",
      (b) => {
        const small = b.conv(b.conv("x", 3, 8, 3, { stride: 2 }), 8, 1);
        return b.node("Resize", [b.node("Sigmoid", [small]), "", scale(b, 2, 2)], { mode: "linear" });
      },
    ],
    [
      "ArgMax of scores without a batch",
      (b) => b.node("ArgMax", [b.node("Squeeze", [scores(b, 4), b.ints(0)])], { axis: 0, keepdims: 0 }),
    ],
    [
      "Softmax on channels last, then ArgMax",
      (b) => {
        const last = b.node("Softmax", [transpose(b, scores(b, 4), 0, 2, 3, 1)], { axis: -1 });
        return b.node("ArgMax", [last], { axis: -1, keepdims: 0 });
      },
    ],
    [
      "ArgMax of scores enlarged to aligned corners",
      (b) => {
        const small = b.conv(b.conv("x", 3, 8, 3, { stride: 4 }), 8, 4);
        const corners = { mode: "linear", coordinate_transformation_mode: "align_corners" };
        return b.node("ArgMax", [b.node("Resize", [small, "", "", b.ints(1, 4, 64, 64)], corners)], {
          axis: 1,
        });
      },
    ],
  ];
  test.each(HEADS)("%s", async (_, head) => {
    const b = new OnnxBuilder(3, [1, 3, 64, 64]);
    expect((await judge(b.build(head(b)))).agreement).toBeGreaterThan(AGREEMENT);
  });

  test("one class: the bound can be chosen, and is said", async () => {
    const b = new OnnxBuilder(3, [1, 3, 64, 64]);
    const bytes = b.build(b.node("Sigmoid", [scores(b, 1)]));
    const classesOf = ({ data }: ort.Tensor) => Array.from(data as Float32Array, (p) => Number(p > 0.3));
    const { agreement, report } = await judge(bytes, { threshold: 0.3, classesOf });
    expect(agreement).toBeGreaterThan(AGREEMENT);
    expect(report.notes).toEqual([
      "one class: class 1 is a probability above 0.3, class 0 the rest (--threshold)",
    ]);
  });

  test("of several outputs the first that is not auxiliary, or the one asked for", async () => {
    const b = new OnnxBuilder(3, [1, 3, 64, 64]);
    const x = b.conv("x", 3, 8, 3);
    const aux = b.node("Identity", [b.conv(x, 8, 4)], {}, "aux");
    b.node("Identity", [b.conv(x, 8, 7)], {}, "main");
    const bytes = b.build(aux, 17, ["main"]);
    const calibration = images(2, 64, 64);
    const { report, model } = await convert(bytes, { calibration });
    expect(model.metadata.classes).toHaveLength(7);
    expect(report.outputs).toEqual(["aux", "main"]);
    expect(report.notes[0]).toBe(
      'output "main" is kept, "aux" left out; --output-name NAME keeps another one',
    );
    expect((await convert(bytes, { calibration, output: "aux" })).model.metadata.classes).toHaveLength(4);
  });
});

describe("inputs:", () => {
  const uint8 = (image: Uint8Array) => new ort.Tensor("uint8", image, [1, 64, 64, 3]);
  const swapped = (image: Uint8Array) => planes(image.map((_, at) => image[at - (at % 3) + 2 - (at % 3)]!));
  const levels = (image: Uint8Array) => {
    const { data, dims } = planes(image);
    return new ort.Tensor(
      "float32",
      (data as Float32Array).map((value) => value * 255),
      dims,
    );
  };
  const grey = (image: Uint8Array) => {
    const data = Float32Array.from({ length: 64 * 64 }, (_, at) => {
      const [r, g, b] = image.subarray(3 * at, 3 * at + 3);
      return (0.299 * r! + 0.587 * g! + 0.114 * b!) / 255;
    });
    return new ort.Tensor("float32", data, [1, 1, 64, 64]);
  };
  const CASES: readonly (readonly [
    string,
    JudgeOptions,
    readonly number[],
    number,
    (b: OnnxBuilder) => string,
  ])[] = [
    ["grey", { feed: grey }, [1, 1, 64, 64], 1, (b) => b.conv(b.conv("x", 1, 8, 3), 8, 4)],
    ["blue first", { feed: swapped, order: "BGR" }, [1, 3, 64, 64], 1, (b) => scores(b, 4)],
    [
      "levels",
      { feed: levels, isLevels: true },
      [1, 3, 64, 64],
      1,
      (b) => b.conv(b.conv(b.node("Div", ["x", b.number(255)]), 3, 8, 3), 8, 4),
    ],
    [
      "uint8, channels last, normalised before the Transpose",
      { feed: uint8 },
      [1, 64, 64, 3],
      2,
      (b) => {
        const real = b.node("Div", [b.node("Cast", ["x"], { to: 1 }), b.number(255)]);
        const normal = b.node("Div", [
          b.node("Sub", [real, b.constant([0.485, 0.456, 0.406])]),
          b.constant([0.229, 0.224, 0.225]),
        ]);
        return b.conv(b.conv(transpose(b, normal, 0, 3, 1, 2), 3, 8, 3), 8, 4);
      },
    ],
  ];
  test.each(CASES)("%s", async (_, options, dims, type, build) => {
    const b = new OnnxBuilder(3, dims);
    const { agreement, decibels } = await judge(b.build(build(b), 17, [], type), options);
    expect(decibels).toBeGreaterThan(DECIBELS);
    expect(agreement).toBeGreaterThan(AGREEMENT);
  });
});

describe("refused:", () => {
  test("rounding inside a network", async () => {
    const bytes = network((b, x) => b.node("Cast", [b.node("Cast", [x], { to: 2 })], { to: 1 }));
    await expect(convert(bytes)).rejects.toThrow(/^Cast ".*": rounding activations to whole numbers/);
  });

  test("a model whose logits are noise, unless it is forced", async () => {
    const bytes = network((b, x) =>
      b.node("Sub", [b.node("Mul", [x, b.number(1e-4)]), b.node("Add", [b.conv(x, 8, 8), b.number(300)])]),
    );
    const calibration = images(2, 64, 64);
    await expect(convert(bytes, { calibration })).rejects.toThrow(/dB above the noise.*--force/);
    const { report } = await convert(bytes, { calibration, force: true });
    expect(report.notes.at(-1)).toMatch(/^the logits are only/);
  });
});
