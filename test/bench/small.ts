/** A network with every operation that the benchmark writes for other engines, made from a seed. */
import * as format from "../../src/format.js";
import type { Model, Tensor } from "../../src/ops.js";
import { ModelBuilder, randomFilter } from "../fixtures/builder.js";
import { squareWindow } from "../fixtures/fixture.js";
import { Random } from "../fixtures/random.js";

export const OFFSET = 1;
export const FACTOR = 0.7;
export const SMALL = { width: 64, height: 32 } as const;

const positive = (channels: number): Tensor => ({ channels, scale: 0.03, zero: 0, min: 0, max: 127 });
const linear = (channels: number): Tensor => ({ channels, scale: 0.05, zero: 64, min: 0, max: 127 });

export function buildSmall(seed = 1): Model {
  const random = new Random(seed);
  const builder = new ModelBuilder();
  const { tensors } = builder;
  const filter = (taps: number, input: number, output: Tensor) =>
    randomFilter(random, taps, tensors[input]!, output, { spread: 30, bias: "usual", weights: "usual" });
  const pointwise = (input: number, output: Tensor) =>
    builder.add(format.POINTWISE, [input], output, filter(tensors[input]!.channels, input, output));
  const depthwise = (input: number, output: Tensor, kernel: number, stride: number) => {
    const attributes = squareWindow(kernel, stride);
    return builder.add(format.DEPTHWISE, [input], output, {
      ...filter(kernel * kernel, input, output),
      attributes,
    });
  };

  const stem = builder.add(format.CONVOLUTION, [0], positive(8), {
    ...filter(27, 0, positive(8)),
    attributes: { ...squareWindow(3, 2), groups: 1 },
  });
  const value = depthwise(pointwise(stem, positive(12)), positive(12), 3, 1);
  const none = { padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 };
  const pooled = builder.add(format.MAX_POOL, [value], positive(12), {
    attributes: { ...squareWindow(4, 4), ...none },
  });
  const attention = pointwise(pooled, linear(12));
  const table = new Int16Array(256).map((_, index) => {
    const sigmoid = 1 / (1 + Math.exp(-0.05 * (index - 128 - 64)));
    return Math.round((OFFSET + FACTOR * sigmoid) * 4096);
  });
  const gated = builder.add(format.GATE, [value, attention], linear(12), {
    attributes: { numerator: 4 },
    scales: Float32Array.of(1 / 4096),
    table,
  });
  const deep = depthwise(gated, positive(12), 5, 2);
  const large = builder.add(format.RESIZE, [pointwise(deep, positive(12))], positive(12), {
    attributes: { numerator: 2, denominator: 1, mode: format.BILINEAR },
  });
  const joined = builder.add(format.ADD, [large, pointwise(stem, linear(12))], positive(12));
  const logits = pointwise(joined, linear(5));
  return builder.finish(logits, { stride: 16, ...SMALL });
}
