/**
 * What the passes make of whole networks, against onnxruntime, before anything is quantized: ONNX files of the folder
 * that the environment's NETWORKS names, as `python -m tools.networks` leaves them there; without it, of the blocks that
 * those networks are made of, as PyTorch exports them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { ConvertError } from "../../../tools/convert/errors.js";
import { loweredError } from "./float.js";
import { OnnxBuilder, TIMEOUT } from "./onnx-builder.js";

vi.setConfig({ testTimeout: 5 * TIMEOUT });

/** Share of the logits' largest deviation: what float32 sums in another order may differ by. */
const EXACT = 1e-3;

const folder = process.env.NETWORKS;
const isNetwork = (name: string): boolean => /\.(torchscript|dynamo)\.onnx$/.test(name);
const only = new RegExp(process.env.NETWORKS_ONLY ?? "");
const files = folder ? readdirSync(folder).filter((name) => isNetwork(name) && only.test(name)) : [];

describe.skipIf(files.length === 0)("networks", () => {
  test.for(files)("%s", async (name, { skip }) => {
    const error = await loweredError(readFileSync(join(folder!, name)), { folder: folder! }).catch(
      (reason: unknown) => {
        if (!(reason instanceof ConvertError)) throw reason;
        return skip(reason.message);
      },
    );
    expect(error).toBeLessThan(EXACT);
  });
});

/** Puts a block between a convolution of 3 to 8 channels at half the size, 16x24, and one to 4 logits. */
type Block = (b: OnnxBuilder, x: string) => readonly [output: string, channels: number];

/** Channels of two groups interleaved. */
function shuffled(b: OnnxBuilder, x: string): string {
  const grouped = b.node("Reshape", [x, b.ints(1, 2, 4, 16, 24)]);
  const turned = b.node("Transpose", [grouped], { perm: [0, 2, 1, 3, 4] });
  return b.node("Reshape", [turned, b.ints(1, 8, 16, 24)]);
}

/** A second output of the last node. */
function second(b: OnnxBuilder, name: string): string {
  const node = b.nodes.pop()!;
  b.nodes.push({ ...node, outputs: [...node.outputs, name] });
  return name;
}

/** Maxima of 2x2 pixels, and their places. */
function pooled(b: OnnxBuilder, x: string): readonly [string, string] {
  const largest = b.node("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
  return [largest, second(b, "places")];
}

const stack = (b: OnnxBuilder, x: string): string => {
  const parts = [x, b.conv(x, 8, 8), b.node("Relu", [x])].map((name) =>
    b.node("Unsqueeze", [name, b.ints(0)]),
  );
  return b.node("Concat", parts, { axis: 0 });
};

const BLOCKS: readonly (readonly [string, Block])[] = [
  [
    "FPN: levels stacked, then summed",
    (b, x) => [b.node("ReduceSum", [stack(b, x), b.ints(0)], { keepdims: 0 }), 8],
  ],
  [
    "levels stacked, their mean",
    (b, x) => [b.node("ReduceMean", [stack(b, x)], { axes: [0], keepdims: 0 }), 8],
  ],
  [
    "levels stacked, the largest",
    (b, x) => [b.node("ReduceMax", [stack(b, x)], { axes: [0], keepdims: 0 }), 8],
  ],
  [
    "ENet: channels filled up with zeros",
    (b, x) => [
      b.node("Concat", [x, b.constant(new Float32Array(5 * 16 * 24), [1, 5, 16, 24])], { axis: 1 }),
      13,
    ],
  ],
  [
    "channels of constants in front",
    (b, x) => {
      const constants = Array.from({ length: 2 * 16 * 24 }, (_, at) => (at < 16 * 24 ? -0.5 : 2));
      return [b.node("Concat", [b.constant(constants, [1, 2, 16, 24]), x], { axis: 1 }), 10];
    },
  ],
  [
    "LEDNet: half of shuffled channels",
    (b, x) => {
      const all = shuffled(b, x);
      const part = (first: number): string =>
        b.node("Slice", [all, b.ints(first), b.ints(first + 4), b.ints(1)]);
      return [b.node("Concat", [b.node("Relu", [part(0)]), b.node("Neg", [part(4)])], { axis: 1 }), 8];
    },
  ],
  [
    "a norm over shuffled channels",
    (b, x) => {
      const last = b.node("Transpose", [shuffled(b, x)], { perm: [0, 2, 3, 1] });
      const normal = b.node("LayerNormalization", [last, b.noise([8], 0.5, 1), b.noise([8], 0.3)]);
      return [b.node("Transpose", [normal], { perm: [0, 3, 1, 2] }), 8];
    },
  ],
  [
    "SegNet: maxima put back, as the newer exporter writes it",
    (b, x) => {
      const [largest, places] = pooled(b, x);
      b.node("MaxPool", [x], { kernel_shape: [1, 1], strides: [1, 1] });
      const own = second(b, "own");
      const start = b.node("Slice", [own, b.ints(0, 0), b.ints(1, 1), b.ints(2, 3)]);
      const within = b.node("Sub", [places, start]);
      const planes = Array.from({ length: 8 }, (_, c) => c * 16 * 24);
      const offsets = b.constant(planes, [1, 8, 1, 1], 7);
      const flat = b.node("Reshape", [b.node("Add", [within, offsets]), b.ints(-1)]);
      const zeros = b.constant(new Float32Array(8 * 16 * 24), [8 * 16 * 24]);
      const values = b.node("Reshape", [b.conv(largest, 8, 8), b.ints(-1)]);
      const spread = b.node("ScatterND", [zeros, b.node("Unsqueeze", [flat, b.ints(-1)]), values]);
      return [b.node("Reshape", [spread, b.ints(1, 8, 16, 24)]), 8];
    },
  ],
];

describe("blocks", () => {
  test.each(BLOCKS)("%s", async (_, block) => {
    const b = new OnnxBuilder(21);
    const [output, channels] = block(b, b.conv("x", 3, 8, 3, { stride: 2 }));
    expect(await loweredError(b.build(b.conv(output, channels, 4)))).toBeLessThan(EXACT);
  });
});

test("a ScatterND that puts nothing back is refused", async () => {
  const b = new OnnxBuilder(22);
  const [largest] = pooled(b, b.conv("x", 3, 8, 3, { stride: 2 }));
  const flat = b.node("Reshape", [largest, b.ints(-1)]);
  const places = b.constant(
    Array.from({ length: 8 * 8 * 12 }, (_, at) => at),
    [8 * 8 * 12, 1],
    7,
  );
  const zeros = b.constant(new Float32Array(8 * 16 * 24), [8 * 16 * 24]);
  const spread = b.node("ScatterND", [zeros, places, flat]);
  const logits = b.conv(b.node("Reshape", [spread, b.ints(1, 8, 16, 24)]), 8, 4);
  await expect(loweredError(b.build(logits))).rejects.toThrow(/ScatterND .* undoes a MaxPool/);
});
