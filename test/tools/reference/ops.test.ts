/** Every operation of the reference on numbers small enough to check by hand. */
import { describe, expect, it } from "vitest";
import * as format from "../../../src/format.js";
import { type Attributes, kindOf, type Op, type Size, type Tensor } from "../../../src/ops.js";
import { requantize, roundHalfToEven } from "../../../tools/reference/requantize.js";
import { referenceOp, referenceSizes, runReference } from "../../../tools/reference/run.js";
import { ModelBuilder, type OpParts } from "../../fixtures/builder.js";
import { buildFixture, squareWindow } from "../../fixtures/fixture.js";

interface Given {
  readonly size: Size;
  readonly tensor: Tensor;
  readonly values: readonly number[];
}

/** Scale 1, zero point 0. */
const plain = (channels: number, change: Partial<Tensor> = {}): Tensor => {
  return { channels, scale: 1, zero: 0, min: -128, max: 127, ...change };
};

const given = (height: number, width: number, tensor: Tensor, values: readonly number[]): Given => {
  return { size: { height, width }, tensor, values };
};

/** One operation on given inputs. */
function run(code: number, inputs: readonly Given[], output: Tensor, parts: OpParts = {}): number[] {
  const builder = new ModelBuilder();
  const ids = inputs.map(({ tensor }) => builder.add(format.LOOKUP, [0], tensor));
  const id = builder.add(code, ids, output, parts);
  const model = builder.finish(id, { stride: 1, width: 1, height: 1 });
  const opIndex = model.ops.length - 2;
  const op: Op = model.ops[opIndex]!;
  const sizes: Size[] = [];
  ids.forEach((input, slot) => {
    sizes[input] = inputs[slot]!.size;
  });
  sizes[id] = kindOf(op).size(
    op.attributes,
    ids.map((input) => sizes[input]!),
  );
  const values = inputs.map((input) => Int8Array.from(input.values));
  return [...referenceOp(model, opIndex, values, sizes)];
}

const filter = (weights: readonly number[], bias: readonly number[], scales: readonly number[]): OpParts => ({
  weights: Int8Array.from(weights),
  bias: Int32Array.from(bias),
  scales: Float32Array.from(scales),
});

const window = (attributes: Partial<Attributes>): Partial<Attributes> => ({
  ...squareWindow(1),
  ...attributes,
});

describe("rounding", () => {
  it.each([
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [-2.5, -2],
    [0.49999997, 0],
    [0.50000006, 1],
    [-7.75, -8],
    [8388607.5, 8388608],
    [3e38, 3e38],
  ])("of %d is %d", (value, rounded) => {
    expect(roundHalfToEven(value) + 0).toBe(rounded + 0);
  });

  it("is done in binary32, then the zero point is added, then the value is kept within the tensor", () => {
    expect(requantize(5, 0.5, plain(1, { zero: 10 }))).toBe(12);
    expect(requantize(1000, 1, plain(1))).toBe(127);
    expect(requantize(-1000, 1, plain(1, { min: -100 }))).toBe(-100);
    expect(requantize(5, 1, plain(1, { min: 0, max: 3 }))).toBe(3);
    // 2^24 + 1 is 2^24 in binary32, and then exactly half a step of 2^-24
    expect(requantize(2 ** 24 + 1, 1.5 / 2 ** 24, plain(1))).toBe(2);
    expect(requantize(2 ** 31 - 1, 2 ** -31, plain(1))).toBe(1);
  });
});

describe("convolutions", () => {
  it("pointwise", () => {
    const input = given(1, 2, plain(3), [1, 2, 3, -1, 0, 5]);
    const parts = filter([1, 10, 20, -1, 0, 1], [5, -7], [1, 0.5]);
    // 1 + 20 + 60 + 5, (-1 + 3 - 7) / 2 = -2.5; -1 + 100 + 5, (1 + 5 - 7) / 2 = -0.5
    expect(run(format.POINTWISE, [input], plain(2), parts)).toEqual([86, -2, 104, 0]);
  });

  it("pointwise takes the scales of input, weights and output together", () => {
    const input = given(1, 1, plain(1, { scale: 0.5 }), [100]);
    const output = plain(1, { scale: 4, zero: -3 });
    // 100 * 100 * 0.5 * 0.01 / 4 = 12.5
    expect(run(format.POINTWISE, [input], output, filter([100], [0], [0.01]))).toEqual([12 - 3]);
  });

  it("pointwise sums wrap around", () => {
    const parts = filter([127], [2 ** 31 - 1], [2 ** -24]);
    expect(run(format.POINTWISE, [given(1, 1, plain(1), [1])], plain(1), parts)).toEqual([-128]);
  });

  it("convolution with padding of the zero point", () => {
    const input = given(2, 2, plain(1, { zero: 10 }), [1, 2, 3, 4]);
    const parts = {
      ...filter([1, 2, 3, 4, 5, 6, 7, 8, 9], [0], [0.125]),
      attributes: { ...squareWindow(3), groups: 1 },
    };
    const real = [
      10 * (1 + 2 + 3 + 4 + 7) + 5 * 1 + 6 * 2 + 8 * 3 + 9 * 4,
      10 * (1 + 2 + 3 + 6 + 9) + 4 * 1 + 5 * 2 + 7 * 3 + 8 * 4,
      10 * (1 + 4 + 7 + 8 + 9) + 2 * 1 + 3 * 2 + 5 * 3 + 6 * 4,
      10 * (3 + 6 + 7 + 8 + 9) + 1 * 1 + 2 * 2 + 4 * 3 + 5 * 4,
    ];
    expect(run(format.CONVOLUTION, [input], plain(1), parts)).toEqual(real.map((sum) => Math.round(sum / 8)));
  });

  it("convolution with stride, dilation, one-sided padding and a kernel of two rows", () => {
    const input = given(3, 4, plain(1), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const attributes = window({
      kernelHeight: 2,
      kernelWidth: 2,
      strideX: 2,
      dilationY: 2,
      dilationX: 2,
      padLeft: 2,
      groups: 1,
    });
    // rows 0 and 2; columns -2 and 0, then 0 and 2
    const parts = { ...filter([1, 2, 3, 4], [0], [1]), attributes };
    expect(run(format.CONVOLUTION, [input], plain(1), parts)).toEqual([
      2 + 4 * 9,
      1 + 2 * 3 + 3 * 9 + 4 * 11,
    ]);
  });

  it("convolution in groups: each output sees the channels of its own", () => {
    const input = given(1, 1, plain(4), [1, 2, 3, 4]);
    const parts = {
      ...filter([1, 1, 2, 2, 1, 1, 10, 1], [0, 0, 0, 0], [1, 1, 1, 1]),
      attributes: window({ groups: 2 }),
    };
    expect(run(format.CONVOLUTION, [input], plain(4), parts)).toEqual([3, 6, 7, 34]);
  });

  it("weights lie as [out][row][column][in]", () => {
    const input = given(2, 2, plain(2), [1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [at, expected] of [1, 2, 3, 4, 5, 6, 7, 8].entries()) {
      const weights = new Array(8).fill(0);
      weights[at] = 1;
      const attributes = window({ kernelHeight: 2, kernelWidth: 2, groups: 1 });
      expect(
        run(format.CONVOLUTION, [input], plain(1), { ...filter(weights, [0], [1]), attributes }),
      ).toEqual([expected]);
    }
  });

  it("depthwise", () => {
    const input = given(2, 2, plain(2), [1, 10, 2, 20, 3, 30, 4, 40]);
    const attributes = window({ kernelHeight: 2, kernelWidth: 2 });
    const parts = { ...filter([1, 2, 3, 4, 1, 0, 0, -1], [1, 2], [1, 1]), attributes };
    expect(run(format.DEPTHWISE, [input], plain(2), parts)).toEqual([1 + 4 + 9 + 16 + 1, 10 - 40 + 2]);
  });
});

describe("pools", () => {
  const input = given(2, 3, plain(1), [-5, 1, 7, -9, 3, -2]);
  const padded = { attributes: squareWindow(3) };

  it("maxPool counts taps inside only", () => {
    expect(run(format.MAX_POOL, [input], plain(1), padded)).toEqual([3, 7, 7, 3, 7, 7]);
    const low = given(1, 1, plain(1), [-100]);
    expect(run(format.MAX_POOL, [low], plain(1), padded)).toEqual([-100]);
  });

  it("a pool without any tap inside is the least value, or zero", () => {
    const attributes = window({ kernelWidth: 2, dilationX: 4, padLeft: 2, padRight: 4 });
    const one = given(1, 1, plain(1, { zero: 5 }), [9]);
    expect(run(format.MAX_POOL, [one], plain(1, { zero: 5, min: -7 }), { attributes })).toEqual([-7, -7, 9]);
    expect(run(format.AVERAGE_POOL, [one], plain(1, { zero: 3 }), { attributes })).toEqual([3, 3, 7]);
  });

  it("averagePool divides by the taps inside, or by all", () => {
    const inside = { attributes: { ...squareWindow(3), mode: format.COUNT_INSIDE } };
    // -10 / 4 = -2.5, -5 / 6, 9 / 4 = 2.25
    expect(run(format.AVERAGE_POOL, [input], plain(1), inside)).toEqual([-2, -1, 2, -2, -1, 2]);
    const all = { attributes: { ...squareWindow(3), mode: format.COUNT_PADDING } };
    // -10 / 9, -5 / 9, 9 / 9
    expect(run(format.AVERAGE_POOL, [input], plain(1), all)).toEqual([-1, -1, 1, -1, -1, 1]);
  });

  it("averagePool takes the zero points off and on, and the scales", () => {
    const shifted = given(1, 2, plain(1, { zero: 10, scale: 2 }), [14, 20]);
    const attributes = window({ kernelWidth: 2, mode: format.COUNT_INSIDE });
    // (4 + 10) / 2 * 2 / 4 = 3.5
    expect(run(format.AVERAGE_POOL, [shifted], plain(1, { zero: -1, scale: 4 }), { attributes })).toEqual([
      4 - 1,
    ]);
  });

  it("globalAveragePool", () => {
    const two = given(2, 2, plain(2, { zero: 1 }), [1, 5, 2, 5, 3, 5, 5, 5]);
    // (0 + 1 + 2 + 4) / 4 = 1.75; 4
    expect(run(format.GLOBAL_AVERAGE_POOL, [two], plain(2))).toEqual([2, 4]);
  });
});

describe("value by value", () => {
  it("lookup", () => {
    const table = new Int8Array(256).map((_, index) => 127 - index);
    expect(run(format.LOOKUP, [given(1, 3, plain(1), [-128, 0, 127])], plain(1), { table })).toEqual([
      127, -1, -128,
    ]);
  });

  it("gate upsamples the attention by index", () => {
    const value = given(2, 4, plain(1, { zero: 2 }), [3, 4, 5, 6, 7, 8, 9, 10]);
    const attention = given(1, 2, plain(1), [-128, 5]);
    const table = new Int16Array(256).map((_, index) =>
      index === 0 ? 1000 : index === 128 + 5 ? -500 : 32767,
    );
    const parts = { table, scales: Float32Array.of(0.002), attributes: { numerator: 2 } };
    const expected = [1, 2, -3, -4, 5, 6, -7, -8].map((value) => value * (value > 0 ? 2 : 1));
    expect(run(format.GATE, [value, attention], plain(1), parts)).toEqual(expected);
  });

  it("add", () => {
    const first = given(1, 2, plain(2, { zero: 1 }), [1, 2, 3, 4]);
    const second = given(1, 2, plain(2, { scale: 0.5, zero: -1 }), [0, 1, 2, -4]);
    // 0 + 0.5, 1 + 1, 2 + 1.5, 3 - 1.5 and the zero point, rounded together
    expect(run(format.ADD, [first, second], plain(2, { zero: 7 }))).toEqual([8, 9, 10, 8]);
  });

  it("add and multiply repeat a second input of one pixel", () => {
    const first = given(1, 2, plain(2), [1, 2, 3, 4]);
    const second = given(1, 1, plain(2), [10, 20]);
    expect(run(format.ADD, [first, second], plain(2))).toEqual([11, 22, 13, 24]);
    expect(run(format.MULTIPLY, [first, second], plain(2))).toEqual([10, 40, 30, 80]);
  });

  it("multiply", () => {
    const first = given(1, 2, plain(1, { zero: 1, scale: 0.5 }), [11, -9]);
    const second = given(1, 2, plain(1, { zero: -2, scale: 0.25 }), [5, -10]);
    // 10 * 7 / 8 = 8.75, -10 * -8 / 8 = 10
    expect(run(format.MULTIPLY, [first, second], plain(1))).toEqual([9, 10]);
  });

  it("concat", () => {
    const first = given(1, 2, plain(1, { zero: 1 }), [1, 2]);
    const second = given(1, 2, plain(2, { scale: 2 }), [5, -5, 70, -70]);
    expect(run(format.CONCAT, [first, second], plain(3))).toEqual([0, 10, -10, 1, 127, -128]);
  });

  it("pad", () => {
    const attributes = { padTop: 1, padLeft: 2, padBottom: 0, padRight: 1, value: 9 };
    expect(run(format.PAD, [given(1, 1, plain(2), [1, 2])], plain(2), { attributes })).toEqual(
      [9, 9, 9, 9, 9, 9, 9, 9].concat([9, 9, 9, 9, 1, 2, 9, 9]),
    );
  });
});

describe("resize", () => {
  const ramp = given(1, 2, plain(1), [0, 100]);
  const across = (mode: number, numerator: number, denominator = 1) => ({
    attributes: { mode, numerator, denominator },
  });
  const firstRow = (values: number[], width: number): number[] => values.slice(0, width);

  it("nearest", () => {
    const input = given(1, 3, plain(1), [1, 2, 3]);
    expect(firstRow(run(format.RESIZE, [input], plain(1), across(format.NEAREST, 2)), 6)).toEqual([
      1, 1, 2, 2, 3, 3,
    ]);
    expect(firstRow(run(format.RESIZE, [input], plain(1), across(format.NEAREST, 5, 3)), 5)).toEqual([
      1, 1, 2, 2, 3,
    ]);
  });

  it("bilinear, half-pixel centres", () => {
    const twice = run(format.RESIZE, [ramp], plain(1), across(format.BILINEAR, 2));
    expect(firstRow(twice, 4)).toEqual([0, 25, 75, 100]);
    const four = run(format.RESIZE, [ramp], plain(1), across(format.BILINEAR, 4));
    // 12.5 and 62.5 go to the even neighbour
    expect(firstRow(four, 8)).toEqual([0, 0, 12, 38, 62, 88, 100, 100]);
    const three = run(format.RESIZE, [ramp], plain(1), across(format.BILINEAR, 3));
    // a third of the way, to the nearest 2048th
    expect(firstRow(three, 6)).toEqual([0, 0, 33, 67, 100, 100]);
  });

  it("bilinear, aligned corners", () => {
    const three = run(format.RESIZE, [ramp, given(1, 3, plain(1), [0, 0, 0])], plain(1), across(2, 0, 0));
    expect(three).toEqual([0, 50, 100]);
    const five = run(format.RESIZE, [ramp, given(2, 5, plain(1), [])], plain(1), across(2, 0, 0));
    expect(five).toEqual([0, 25, 50, 75, 100, 0, 25, 50, 75, 100]);
    expect(run(format.RESIZE, [ramp, given(1, 1, plain(1), [])], plain(1), across(2, 0, 0))).toEqual([0]);
  });

  it("down and across at once, between four pixels", () => {
    const square = given(2, 2, plain(1), [0, 40, 80, 120]);
    const result = run(format.RESIZE, [square], plain(1), across(format.BILINEAR, 2));
    expect(result).toEqual([0, 10, 30, 40, 20, 30, 50, 60, 60, 70, 90, 100, 80, 90, 110, 120]);
  });

  it("shrinks without a filter", () => {
    const input = given(1, 4, plain(1), [0, 10, 20, 90]);
    const half = run(
      format.RESIZE,
      [input, given(1, 2, plain(1), [])],
      plain(1),
      across(format.BILINEAR, 0, 0),
    );
    expect(half).toEqual([5, 55]);
  });

  it("takes the zero points off and on, and the scales", () => {
    const input = given(1, 1, plain(1, { zero: -10, scale: 0.5 }), [30]);
    for (const mode of [format.NEAREST, format.BILINEAR, format.BILINEAR_ALIGNED]) {
      const result = run(format.RESIZE, [input], plain(1, { zero: 3 }), across(mode, 2));
      expect(result).toEqual([23, 23, 23, 23]);
    }
  });
});

describe("a whole model", () => {
  it("gives every tensor at its size, within its range", () => {
    const model = buildFixture(7);
    const sizes = referenceSizes(model, 40, 24);
    const input = new Int8Array(40 * 24 * 3).map((_, at) => (at * 89) % 256);
    const tensors = runReference(model, input, 40, 24);
    expect(tensors).toHaveLength(model.tensors.length);
    model.tensors.forEach(({ channels, min, max }, id) => {
      const { height, width } = sizes[id]!;
      expect(tensors[id]).toHaveLength(height * width * channels);
      expect(tensors[id]!.every((q) => q >= min && q <= max)).toBe(true);
    });
    expect(sizes[model.ops.at(-1)!.output]).toEqual({ height: 20, width: 12 });
  });

  it("has no reference for the input, which is an image", () => {
    const model = buildFixture(7);
    expect(() => referenceOp(model, 0, [], [])).toThrow(RangeError);
  });
});

describe("operations that move, compare and normalize", () => {
  it("depthToSpace lays channels out as blocks, and crops", () => {
    const input = given(1, 2, plain(4), [1, 2, 3, 4, 5, 6, 7, 8]);
    const block = { strideY: 2, strideX: 2 };
    expect(run(format.DEPTH_TO_SPACE, [input], plain(1), { attributes: block })).toEqual([
      1, 2, 5, 6, 3, 4, 7, 8,
    ]);
    const cropped = { ...block, padTop: 1, padRight: 1 };
    expect(run(format.DEPTH_TO_SPACE, [input], plain(1), { attributes: cropped })).toEqual([3, 4, 7]);
    const rows = { strideY: 2, strideX: 1 };
    expect(run(format.DEPTH_TO_SPACE, [input], plain(2), { attributes: rows })).toEqual([
      1, 2, 5, 6, 3, 4, 7, 8,
    ]);
    const slower = { ...rows, mode: format.PLACE_FASTER };
    expect(run(format.DEPTH_TO_SPACE, [input], plain(2), { attributes: slower })).toEqual([
      1, 3, 5, 7, 2, 4, 6, 8,
    ]);
  });

  it("prelu has a slope for each channel below zero", () => {
    const input = given(1, 2, plain(2, { zero: 1 }), [5, 5, -3, -9]);
    const scales = Float32Array.of(0.5, -2);
    expect(run(format.PRELU, [input], plain(2, { zero: 1 }), { scales })).toEqual([5, 5, -1, 21]);
  });

  it("reduceMax goes over the plane or over channels", () => {
    const input = given(1, 3, plain(2), [1, -9, -4, 7, 3, 0]);
    expect(run(format.REDUCE_MAX, [input], plain(2))).toEqual([3, 7]);
    const attributes = { mode: format.OVER_CHANNELS };
    expect(run(format.REDUCE_MAX, [input], plain(1), { attributes })).toEqual([1, 7, 3]);
  });

  it("groupNorm takes the mean off and divides by the deviation", () => {
    // mean 4, deviation 2, in steps of a tenth
    const input = given(1, 2, plain(2), [2, 2, 6, 6]);
    const parts = { scales: Float32Array.of(1e-9), attributes: { groups: 1 } };
    const tenths = plain(2, { scale: 0.1 });
    expect(run(format.GROUP_NORM, [input], tenths, parts)).toEqual([-10, -10, 10, 10]);
    const own = { ...parts, attributes: { groups: 1, mode: format.OVER_CHANNELS } };
    expect(run(format.GROUP_NORM, [given(1, 2, plain(2), [2, 6, 1, 3])], tenths, own)).toEqual([
      -10, 10, -10, 10,
    ]);
  });

  it("maxUnpool puts values where the largest were, of equal ones the first", () => {
    const pooled = given(2, 4, plain(1), [0, 9, 5, 5, 3, 2, 5, 1]);
    const input = given(1, 2, plain(1, { zero: -1 }), [40, 50]);
    const attributes = { strideY: 2, strideX: 2 };
    const output = plain(1, { zero: -1 });
    expect(run(format.MAX_UNPOOL, [input, pooled], output, { attributes })).toEqual([
      -1, 40, 50, -1, -1, -1, -1, -1,
    ]);
  });

  it("pad repeats the edge or reflects", () => {
    const input = given(1, 3, plain(1), [1, 2, 3]);
    const sides = { padLeft: 2, padRight: 1 };
    const edge = { ...sides, mode: format.PAD_EDGE };
    expect(run(format.PAD, [input], plain(1), { attributes: edge })).toEqual([1, 1, 1, 2, 3, 3]);
    const reflect = { ...sides, mode: format.PAD_REFLECT };
    expect(run(format.PAD, [input], plain(1), { attributes: reflect })).toEqual([3, 2, 1, 2, 3, 2]);
  });

  it("resize reads asymmetric positions", () => {
    const input = given(1, 2, plain(1), [0, 100]);
    const attributes = { mode: format.BILINEAR_ASYMMETRIC, numerator: 2, denominator: 1 };
    expect(run(format.RESIZE, [input], plain(1), { attributes })).toEqual([0, 50, 100, 100, 0, 50, 100, 100]);
  });
});
