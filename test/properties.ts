/**
 * Arbitrary cases for fast-check: any operation with any attributes that validation lets pass.
 */
import fc from "fast-check";
import * as format from "../src/format.js";
import { type Attributes, OPS, type Size, type Tensor } from "../src/ops.js";
import type { Case } from "./cases/case.js";

const side = fc.integer({ min: 1, max: 20 });
const channelCount = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(16, 24, 32, 33, 40));
/** How the scales of an operation's tensors relate: simple ratios give ties. */
const ratio = fc.oneof(
  fc.integer({ min: -2, max: 2 }).map((exponent) => 2 ** exponent),
  fc.integer({ min: 100, max: 4000 }).map((share) => share / 1000),
);
const bounds = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom([-128, 127] as const, [0, 127] as const) },
  { weight: 3, arbitrary: fc.tuple(fc.integer({ min: -128, max: 10 }), fc.integer({ min: 20, max: 127 })) },
  { weight: 1, arbitrary: fc.integer({ min: -128, max: 127 }).map((only) => [only, only] as const) },
);
/** Zero points: mostly one that the tensor can hold. */
const zero = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 255 }).map((step) => ({ inside: true, step })) },
  { weight: 1, arbitrary: fc.nat({ max: 255 }).map((step) => ({ inside: false, step })) },
);

/** With a scale that is still to be multiplied by that of the case. */
const quantization = fc
  .record({ scale: ratio, zero, bounds })
  .map(({ scale, zero: { inside, step }, bounds: [min, max] }) => {
    return { scale, zero: inside ? min + (step % (max - min + 1)) : step - 128, min, max };
  });

function mostly<T>(usual: T, rare: T): fc.Arbitrary<T> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constant(rare) });
}

const filter = fc.record({
  spread: fc.oneof(
    { weight: 4, arbitrary: fc.constant(40) },
    { weight: 1, arbitrary: fc.constantFrom(1e-3, 1, 1e4) },
  ),
  bias: mostly("usual" as const, "extreme" as const),
  weights: mostly("usual" as const, "extreme" as const),
});

/** One axis of a window that fits on `size` pixels and whose padding is less than its reach. */
const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 7 }),
    stride: fc.integer({ min: 1, max: 4 }),
    dilation: fc.integer({ min: 1, max: 4 }),
    before: fc.nat(),
    after: fc.nat(),
  })
  .map(({ kernel, stride, dilation, before, after }) => {
    const reach = dilation * (kernel - 1) + 1;
    return { kernel, stride, dilation, before: before % reach, after: after % reach, reach };
  });

const window = fc.record({ down: axis, across: axis });

function windowAttributes({ down, across }: { down: Axis; across: Axis }): Partial<Attributes> {
  return {
    kernelHeight: down.kernel,
    kernelWidth: across.kernel,
    strideY: down.stride,
    strideX: across.stride,
    dilationY: down.dilation,
    dilationX: across.dilation,
    padTop: down.before,
    padLeft: across.before,
    padBottom: down.after,
    padRight: across.after,
  };
}

interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly reach: number;
}

type Quantization = Omit<Tensor, "channels">;

/** What every case is made of; an operation takes what it needs. */
const parts = fc.record({
  height: side,
  width: side,
  channels: channelCount,
  outChannels: channelCount,
  more: fc.array(channelCount, { minLength: 1, maxLength: 3 }),
  scale: fc.oneof(
    fc.constant(0.02),
    fc.integer({ min: -32, max: 32 }).map((exponent) => 2 ** exponent),
  ),
  from: quantization,
  second: quantization,
  to: quantization,
  window,
  filter,
  mode: fc.nat({ max: 5 }),
  groups: fc.integer({ min: 1, max: 4 }),
  numerator: fc.integer({ min: 1, max: 9 }),
  denominator: fc.integer({ min: 1, max: 4 }),
  like: fc.option(fc.record({ height: side, width: side })),
  repeated: fc.boolean(),
  value: fc.nat({ max: 255 }),
  values: mostly("usual" as const, "extreme" as const),
  seed: fc.nat(),
});

type Parts = typeof parts extends fc.Arbitrary<infer T> ? T : never;

/** The quantization at the scale of the case, within the bounds of the format. */
function scaled({ scale, ...rest }: Quantization, factor: number): Quantization {
  return { ...rest, scale: Math.min(Math.max(Math.fround(scale * factor), 2 ** -30), 2 ** 30) };
}

const tensor = (size: Size, channels: number, quantization: Quantization): Tensor & Size => ({
  height: size.height,
  width: size.width,
  channels,
  ...quantization,
});

/** At least as large as the window needs. */
function roomFor({ height, width, window: { down, across } }: Parts): Size {
  return {
    height: Math.max(height, down.reach - down.before - down.after),
    width: Math.max(width, across.reach - across.before - across.after),
  };
}

function makeCase(code: number, p: Parts): Case {
  const { channels, outChannels, values, seed } = p;
  const from = scaled(p.from, p.scale);
  const second = scaled(p.second, p.scale);
  const to = scaled(p.to, code === format.MULTIPLY ? 50 * from.scale * second.scale : p.scale);
  const common = { code, filter: p.filter, values, seed };
  const one = { ...common, inputs: [tensor(p, channels, from)], output: { channels, ...to } };
  const windowed = {
    ...one,
    inputs: [tensor(roomFor(p), channels, from)],
    attributes: windowAttributes(p.window),
  };
  switch (code) {
    case format.CONVOLUTION: {
      const attributes = { ...windowed.attributes, groups: p.groups };
      const inputs = [tensor(roomFor(p), channels * p.groups, from)];
      return { ...windowed, attributes, inputs, output: { channels: outChannels * p.groups, ...to } };
    }
    case format.DEPTHWISE:
      return windowed;
    case format.POINTWISE:
      return { ...one, output: { channels: outChannels, ...to } };
    case format.MAX_POOL:
      return { ...windowed, output: { channels, ...from } };
    case format.AVERAGE_POOL:
      return { ...windowed, attributes: { ...windowed.attributes, mode: p.mode % 2 } };
    case format.GATE: {
      const size = { height: p.height * p.denominator, width: p.width * p.denominator };
      const inputs = [tensor(size, channels, from), tensor(p, channels, second)];
      return { ...one, inputs, attributes: { numerator: p.denominator } };
    }
    case format.RESIZE: {
      const mode = p.mode % 4;
      if (p.like) return { ...one, inputs: [...one.inputs, tensor(p.like, 3, second)], attributes: { mode } };
      const { denominator } = p;
      const size = { height: Math.max(p.height, denominator), width: Math.max(p.width, denominator) };
      const attributes = { mode, numerator: p.numerator, denominator };
      return { ...one, inputs: [tensor(size, channels, from)], attributes };
    }
    case format.ADD:
    case format.MULTIPLY: {
      const size = p.repeated ? { height: 1, width: 1 } : p;
      return { ...one, inputs: [...one.inputs, tensor(size, channels, second)] };
    }
    case format.CONCAT: {
      const others = p.more.map((count, slot) => tensor(p, count, slot % 2 === 0 ? second : from));
      const total = p.more.reduce((sum, count) => sum + count, channels);
      return { ...one, inputs: [...one.inputs, ...others], output: { channels: total, ...to } };
    }
    case format.PAD: {
      const { padTop, padLeft, padBottom, padRight } = windowed.attributes;
      const attributes = {
        padTop: padTop!,
        padLeft: padLeft!,
        padBottom: padBottom!,
        padRight: padRight!,
        value: from.min + (p.value % (from.max - from.min + 1)),
      };
      const mode = p.mode % 3;
      const side = (pad: number, size: number): number => (mode === format.PAD_REFLECT ? pad % size : pad);
      if (mode !== format.PAD_VALUE) {
        attributes.value = 0;
        attributes.padTop = side(attributes.padTop, p.height);
        attributes.padBottom = side(attributes.padBottom, p.height);
        attributes.padLeft = side(attributes.padLeft, p.width);
        attributes.padRight = side(attributes.padRight, p.width);
      }
      return { ...one, output: { channels, ...from }, attributes: { ...attributes, mode } };
    }
    case format.DEPTH_TO_SPACE: {
      const [strideY, strideX] = [p.numerator % 4 || 1, p.denominator];
      const inputs = [tensor(p, channels * strideY * strideX, from)];
      const crop = { padTop: p.value % strideY, padLeft: p.value % strideX };
      const attributes = { strideY, strideX, mode: p.mode % 2, ...crop };
      return { ...one, inputs, output: { channels, ...from }, attributes };
    }
    case format.REDUCE_MAX: {
      const mode = p.mode % 2;
      const output = { channels: mode === format.OVER_PLANE ? channels : 1, ...from };
      return { ...one, output, attributes: { mode } };
    }
    case format.GROUP_NORM: {
      const inputs = [tensor(p, channels * p.groups, from)];
      const attributes = { groups: p.groups, mode: p.mode % 2 };
      return { ...one, inputs, output: { channels: channels * p.groups, ...to }, attributes };
    }
    case format.MAX_UNPOOL: {
      const [strideY, strideX] = [p.denominator, p.groups];
      const size = { height: p.height * strideY + (p.value % strideY), width: p.width * strideX };
      const reached = { ...from, min: Math.min(from.min, from.zero), max: Math.max(from.max, from.zero) };
      const inputs = [tensor(p, channels, from), tensor(size, channels, second)];
      return { ...one, inputs, output: { channels, ...reached }, attributes: { strideY, strideX } };
    }
    default:
      return one;
  }
}

/** Cases of one operation. */
export function arbitraryCase(code: number): fc.Arbitrary<Case> {
  return parts.map((given) => makeCase(code, given));
}

/** Codes of all operations that the reference computes tensor by tensor. */
export const TESTED_CODES: readonly number[] = [...OPS.keys()].filter(
  (code) => code !== format.INPUT && code !== format.ARGMAX,
);
