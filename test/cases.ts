/**
 * What every build must compute exactly as the reference does: one operation each, as data.
 */
import * as format from "../src/format.js";
import type { Model } from "../src/model.js";
import { type Attributes, kindOf, OPS, type Size, type Tensor } from "../src/ops.js";
import { type FilterOptions, ModelBuilder, type OpParts, randomFilter } from "./fixtures/builder.js";
import { squareWindow } from "./fixtures/fixture.js";
import { Random } from "./fixtures/random.js";

/** One operation on inputs of given sizes. */
export interface Case {
  readonly code: number;
  readonly inputs: readonly (Tensor & Size)[];
  readonly output: Tensor;
  readonly attributes?: Partial<Attributes>;
  readonly filter?: Partial<FilterOptions>;
  /** Inputs: anything the tensor can hold, or only the two ends. */
  readonly values?: "usual" | "extreme";
  /** Of the weights, tables and inputs; 1 if left out. */
  readonly seed?: number;
}

/** A case as a model, with the operation under test at `opIndex`. */
export interface CaseModel extends Size {
  readonly model: Model;
  readonly opIndex: number;
  /** Values of the operation's inputs, in its order, int8 [height, width, channels]. */
  readonly values: readonly Int8Array[];
}

const FILTER: FilterOptions = { spread: 40, bias: "usual", weights: "usual" };

/** Puts the operation into a model in which tensors of the sizes asked for arise from the input. */
export function buildCase(test: Case): CaseModel {
  const random = new Random(test.seed ?? 1);
  const builder = new ModelBuilder();
  const { height, width } = test.inputs[0]!;
  const filter = (input: Tensor, output: Tensor, taps: number): OpParts =>
    randomFilter(random, taps, input, output, { ...FILTER, spread: 1 });
  const ids = test.inputs.map((shape) => {
    const source = addResized(builder, { height, width }, shape);
    const { height: _, width: __, ...tensor } = shape;
    return builder.add(format.POINTWISE, [source], tensor, filter(builder.tensors[0]!, tensor, 3));
  });
  const output = builder.add(test.code, ids, test.output, {
    attributes: test.attributes,
    ...arraysOf(test, random),
  });
  const scores = { channels: 2, scale: 1, zero: 0, min: -128, max: 127 };
  const last = builder.add(
    format.POINTWISE,
    [output],
    scores,
    filter(test.output, scores, test.output.channels),
  );
  const model = builder.finish(last, { stride: 1, width, height });
  return {
    model,
    height,
    width,
    opIndex: model.ops.length - 3,
    values: test.inputs.map((shape) => {
      const values = random.int8(shape.height * shape.width * shape.channels, shape.min, shape.max);
      if (test.values === "extreme") {
        return values.map((q) => (q - shape.min < shape.max - q ? shape.min : shape.max));
      }
      return values;
    }),
  };
}

/** The input brought from one size to another by operations that take any size. */
function addResized(builder: ModelBuilder, from: Size, to: Size): number {
  const tensor = builder.tensors[0]!;
  let id = 0;
  if (to.height < from.height || to.width < from.width) {
    const window = squareWindow(1);
    const attributes = {
      ...window,
      kernelHeight: Math.max(from.height - to.height, 0) + 1,
      kernelWidth: Math.max(from.width - to.width, 0) + 1,
    };
    id = builder.add(format.MAX_POOL, [id], tensor, { attributes });
  }
  const padBottom = Math.max(to.height - from.height, 0);
  const padRight = Math.max(to.width - from.width, 0);
  if (padBottom + padRight === 0) return id;
  return builder.add(format.PAD, [id], tensor, { attributes: { padBottom, padRight } });
}

/** Weights and tables that suit the case. */
function arraysOf(test: Case, random: Random): OpParts {
  const [input] = test.inputs;
  const window = test.attributes;
  const options = { ...FILTER, ...test.filter };
  switch (test.code) {
    case format.CONVOLUTION: {
      const taps = (window!.kernelHeight! * window!.kernelWidth! * input!.channels) / window!.groups!;
      return randomFilter(random, taps, input!, test.output, options);
    }
    case format.DEPTHWISE:
      return randomFilter(random, window!.kernelHeight! * window!.kernelWidth!, input!, test.output, options);
    case format.POINTWISE:
      return randomFilter(random, input!.channels, input!, test.output, options);
    case format.GATE: {
      const largest = options.weights === "extreme" ? 32767 : 4096;
      const table = new Int16Array(256).map(() => random.integer(-largest - 1, largest));
      const gain = test.filter?.spread ?? 1;
      return { table, scales: Float32Array.of((gain * test.output.scale) / input!.scale / largest) };
    }
    case format.LOOKUP:
      return { table: random.int8(256, test.output.min, test.output.max) };
    default:
      return {};
  }
}

/** Ways to quantise: every zero point and range that kernels may treat apart. */
export const QUANTISATIONS = {
  full: { scale: 0.02, zero: -3, min: -128, max: 127 },
  positive7: { scale: 0.03, zero: 0, min: 0, max: 127 },
  linear7: { scale: 0.05, zero: 64, min: 0, max: 127 },
  positive8: { scale: 0.015, zero: -128, min: -128, max: 127 },
  negative8: { scale: 0.015, zero: 127, min: -128, max: 127 },
  narrow: { scale: 0.04, zero: 5, min: -100, max: 50 },
  constant: { scale: 0.04, zero: 5, min: 7, max: 7 },
} as const;

/** Sizes around the width of a vector. */
export const SIDES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 33] as const;
export const CHANNELS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 40] as const;

const { full } = QUANTISATIONS;

/** A tensor of the given size. */
export function shape(
  height: number,
  width: number,
  channels: number,
  quantisation: Omit<Tensor, "channels"> = full,
) {
  return { height, width, channels, ...quantisation };
}

/** The case with parts of it replaced, one new case for each. */
function vary(base: Case, changes: readonly Partial<Case>[]): Case[] {
  return changes.map((change, index) => ({ ...base, ...change, seed: index + 1 }));
}

/** One input of each size with the channels of `base`. */
function sizesOf(base: Case): Partial<Case>[] {
  const sizes = [...SIDES.map((side) => [side, side]), [1, 17], [17, 1], [2, 33], [5, 16], [16, 5]];
  return sizes.map(([height, width]) => ({
    inputs: base.inputs.map((input) => ({ ...input, height: height!, width: width! })),
  }));
}

/** Every quantisation of the input with every one of the output. */
function quantisationsOf(base: Case): Partial<Case>[] {
  const all = Object.values(QUANTISATIONS);
  return all.flatMap((from) =>
    all.map((to) => ({
      inputs: base.inputs.map((input) => ({ ...input, ...from })),
      output: { ...base.output, ...to },
    })),
  );
}

/** Every quantisation, the same on both ends. */
function sameQuantisationsOf(base: Case): Partial<Case>[] {
  return Object.values(QUANTISATIONS).map((quantisation) => ({
    inputs: base.inputs.map((input) => ({ ...input, ...quantisation })),
    output: { ...base.output, ...quantisation },
  }));
}

/** The same channels everywhere, once for each number. */
function channelsOf(base: Case): Partial<Case>[] {
  return CHANNELS.map((channels) => ({
    inputs: base.inputs.map((input) => ({ ...input, channels })),
    output: { ...base.output, channels },
  }));
}

/** Scale and zero point the same on both ends, so that nothing but the range of the output changes a value. */
function rangesOf(base: Case): Partial<Case>[] {
  const { scale, zero } = base.inputs[0]!;
  const ranges = [full, QUANTISATIONS.positive7, QUANTISATIONS.narrow, QUANTISATIONS.constant];
  return ranges.map(({ min, max }) => ({
    inputs: base.inputs.map((input) => ({ ...input, scale, zero })),
    output: { ...base.output, scale, zero, min, max },
  }));
}

/** The smallest and the largest scale, each way, and one that makes results of about 2^24. */
function scalesOf(base: Case): Partial<Case>[] {
  const [small, large] = [2 ** -30, 2 ** 30];
  return [
    [small, large],
    [large, small],
    [small, small],
    [large, large],
    [2 ** 17, 1],
  ].map(([from, to]) => ({
    inputs: base.inputs.map((input) => ({ ...input, scale: from! })),
    output: { ...base.output, scale: to! },
  }));
}

/** What strains the arithmetic of a convolution. */
const FILTERS: readonly Partial<Case>[] = [
  ...[1e-6, 0.3, 1, 5, 300, 1e6, 1e12].map((spread) => ({ filter: { spread } })),
  { filter: { bias: "extreme", spread: 1e-5 } },
  { filter: { bias: "extreme", spread: 1 } },
  { filter: { weights: "extreme" } },
  { filter: { weights: "extreme" }, values: "extreme" },
  { filter: { weights: "extreme", bias: "extreme", spread: 0.01 }, values: "extreme" },
];

const WINDOWS: readonly Partial<Attributes>[] = [
  ...[1, 2, 3, 4, 5, 7].map((kernel) => squareWindow(kernel)),
  ...[2, 3].flatMap((stride) => [1, 3, 5].map((kernel) => squareWindow(kernel, stride))),
  ...[2, 3, 5].map((dilation) => squareWindow(3, 1, dilation)),
  squareWindow(3, 2, 2),
  { ...squareWindow(3), strideX: 2 },
  { ...squareWindow(3), strideY: 3 },
  { ...squareWindow(3), dilationY: 2 },
  { ...squareWindow(3), kernelHeight: 1, padTop: 0, padBottom: 0 },
  { ...squareWindow(3), kernelWidth: 1, padLeft: 0, padRight: 0 },
  { ...squareWindow(5), kernelHeight: 2, padTop: 0, padBottom: 1 },
  { ...squareWindow(3), padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 },
  { ...squareWindow(3, 2), padTop: 0, padLeft: 0 },
  { ...squareWindow(3, 2), padBottom: 0, padRight: 0 },
  { ...squareWindow(3), padTop: 2, padLeft: 0, padBottom: 1, padRight: 2 },
  { ...squareWindow(7), padTop: 6, padLeft: 6, padBottom: 6, padRight: 6 },
  { ...squareWindow(2, 1, 5), padTop: 5, padLeft: 4, padBottom: 3, padRight: 5 },
];

/** Windows larger than the input, which sees little but padding. */
const SMALL_INPUTS: readonly Partial<Case>[] = [
  [1, 1, squareWindow(3)],
  [1, 1, squareWindow(7, 2)],
  [2, 1, squareWindow(5)],
  [3, 3, squareWindow(7)],
  [1, 3, squareWindow(3, 1, 2)],
  [2, 2, squareWindow(3, 1, 3)],
  [2, 2, { ...squareWindow(2, 1, 4), padTop: 4, padLeft: 4, padBottom: 4, padRight: 4 }],
].map(([height, width, attributes]) => ({
  inputs: [shape(height as number, width as number, 9)],
  attributes: attributes as Partial<Attributes>,
}));

const pointwiseBase: Case = {
  code: format.POINTWISE,
  inputs: [shape(5, 7, 24)],
  output: { channels: 16, ...full },
};
const channelPairs = CHANNELS.flatMap((inChannels) =>
  CHANNELS.map((outChannels) => [inChannels, outChannels]),
);
const pointwiseCases = [
  ...vary(pointwiseBase, sizesOf(pointwiseBase)),
  ...vary(pointwiseBase, quantisationsOf(pointwiseBase)),
  ...vary(pointwiseBase, FILTERS),
  ...vary(
    pointwiseBase,
    channelPairs.map(([inChannels, channels]) => ({
      inputs: [shape(3, 5, inChannels!)],
      output: { channels: channels!, ...full },
    })),
  ),
  ...vary(pointwiseBase, [
    { inputs: [shape(1, 2, 512)], output: { channels: 9, ...full } },
    { inputs: [shape(1, 2, 2048)], filter: { weights: "extreme" }, values: "extreme" },
    { inputs: [shape(1, 3, 3)], output: { channels: 500, ...full } },
  ]),
];

const convolutionBase: Case = {
  code: format.CONVOLUTION,
  inputs: [shape(9, 17, 9)],
  output: { channels: 11, ...full },
  attributes: { ...squareWindow(3), groups: 1 },
};
const withGroups = (changes: readonly Partial<Case>[], groups: number): Partial<Case>[] =>
  changes.map((change) => ({ ...change, attributes: { ...change.attributes, groups } }));
const convolutionCases = [
  ...vary(convolutionBase, sizesOf(convolutionBase)),
  ...vary(convolutionBase, quantisationsOf(convolutionBase)),
  ...vary(convolutionBase, FILTERS),
  ...vary(convolutionBase, withGroups(SMALL_INPUTS, 1)),
  ...vary(
    convolutionBase,
    WINDOWS.map((window) => ({ attributes: { ...window, groups: 1 } })),
  ),
  ...vary(
    convolutionBase,
    channelPairs
      .filter((_, index) => index % 3 === 0)
      .map(([inChannels, channels]) => ({
        inputs: [shape(4, 5, inChannels!)],
        output: { channels: channels!, ...full },
      })),
  ),
  ...vary(
    convolutionBase,
    [
      [2, 2, 2],
      [4, 8, 4],
      [8, 8, 8],
      [24, 16, 8],
      [24, 24, 3],
      [40, 20, 5],
      [6, 18, 3],
      [16, 64, 16],
      [48, 32, 2],
    ].flatMap(([inChannels, channels, groups]) =>
      [squareWindow(3), squareWindow(1), squareWindow(3, 2, 2)].map((window) => ({
        inputs: [shape(7, 8, inChannels!)],
        output: { channels: channels!, ...full },
        attributes: { ...window, groups: groups! },
      })),
    ),
  ),
];

const depthwiseBase: Case = {
  code: format.DEPTHWISE,
  inputs: [shape(9, 17, 9)],
  output: { channels: 9, ...full },
  attributes: squareWindow(3),
};
const depthwiseCases = [
  ...vary(depthwiseBase, sizesOf(depthwiseBase)),
  ...vary(depthwiseBase, quantisationsOf(depthwiseBase)),
  ...vary(depthwiseBase, FILTERS),
  ...vary(depthwiseBase, SMALL_INPUTS),
  ...vary(depthwiseBase, channelsOf(depthwiseBase)),
  ...vary(
    depthwiseBase,
    WINDOWS.flatMap((attributes) =>
      [9, 16].map((channels) => ({
        attributes,
        inputs: [shape(12, 13, channels)],
        output: { channels, ...full },
      })),
    ),
  ),
];

const maxPoolBase: Case = { ...depthwiseBase, code: format.MAX_POOL, attributes: squareWindow(2, 2) };
const maxPoolCases = [
  ...vary(maxPoolBase, sizesOf(maxPoolBase)),
  ...vary(maxPoolBase, sameQuantisationsOf(maxPoolBase)),
  ...vary(maxPoolBase, channelsOf(maxPoolBase)),
  ...vary(maxPoolBase, SMALL_INPUTS),
  ...vary(
    maxPoolBase,
    WINDOWS.map((attributes) => ({ attributes })),
  ),
].filter(hasOutput);

const averagePoolBase: Case = {
  ...depthwiseBase,
  code: format.AVERAGE_POOL,
  attributes: { ...squareWindow(3), mode: format.COUNT_INSIDE },
};
const averagePoolCases = [
  ...vary(averagePoolBase, sizesOf(averagePoolBase)),
  ...vary(averagePoolBase, scalesOf(averagePoolBase)),
  ...vary(averagePoolBase, rangesOf(averagePoolBase)),
  ...vary(averagePoolBase, quantisationsOf(averagePoolBase)),
  ...vary(averagePoolBase, channelsOf(averagePoolBase)),
  ...[format.COUNT_INSIDE, format.COUNT_PADDING].flatMap((mode) =>
    vary(averagePoolBase, [
      ...SMALL_INPUTS.map((change) => ({ ...change, attributes: { ...change.attributes, mode } })),
      ...WINDOWS.map((window) => ({ attributes: { ...window, mode } })),
      { inputs: [shape(40, 40, 9)], attributes: { ...squareWindow(39), mode }, values: "extreme" },
    ]),
  ),
];

const globalBase: Case = {
  code: format.GLOBAL_AVERAGE_POOL,
  inputs: [shape(9, 17, 9)],
  output: { channels: 9, ...full },
};
const globalCases = [
  ...vary(globalBase, sizesOf(globalBase)),
  ...vary(globalBase, scalesOf(globalBase)),
  ...vary(globalBase, rangesOf(globalBase)),
  ...vary(globalBase, quantisationsOf(globalBase)),
  ...vary(globalBase, channelsOf(globalBase)),
  ...vary(globalBase, [{ inputs: [shape(300, 300, 9)], values: "extreme" }]),
];

const gateBase: Case = {
  code: format.GATE,
  inputs: [shape(8, 16, 9), shape(4, 8, 9, QUANTISATIONS.narrow)],
  output: { channels: 9, ...full },
  attributes: { numerator: 2 },
};
const gateCases = [
  ...vary(gateBase, quantisationsOf(gateBase)),
  ...vary(gateBase, channelsOf(gateBase)),
  ...vary(
    gateBase,
    [1, 2, 3, 4, 8].flatMap((factor) =>
      [
        [1, 1],
        [1, 5],
        [3, 2],
        [2, 9],
      ].map(([height, width]) => ({
        inputs: [shape(factor * height!, factor * width!, 17), shape(height!, width!, 17)],
        output: { channels: 17, ...full },
        attributes: { numerator: factor },
      })),
    ),
  ),
  ...vary(gateBase, [
    { filter: { weights: "extreme" } },
    { filter: { weights: "extreme" }, values: "extreme" },
    { filter: { spread: 2 ** 17 } },
    { inputs: [shape(8, 16, 9, QUANTISATIONS.positive7), shape(4, 8, 9)], values: "extreme" },
  ]),
];

const lookupBase: Case = { code: format.LOOKUP, inputs: [shape(5, 7, 9)], output: { channels: 9, ...full } };
const lookupCases = [
  ...vary(lookupBase, sizesOf(lookupBase)),
  ...vary(lookupBase, quantisationsOf(lookupBase)),
  ...vary(lookupBase, channelsOf(lookupBase)),
];

const resizeBase: Case = { code: format.RESIZE, inputs: [shape(5, 7, 9)], output: { channels: 9, ...full } };
const MODES = [format.NEAREST, format.BILINEAR, format.BILINEAR_ALIGNED];
const resizeCases = MODES.flatMap((mode) => {
  const base = { ...resizeBase, attributes: { mode, numerator: 2, denominator: 1 } };
  return [
    ...vary(base, sizesOf(base)),
    ...vary(base, scalesOf(base)),
    ...vary(base, rangesOf(base)),
    ...vary(base, quantisationsOf(base)),
    ...vary(base, channelsOf(base)),
    ...vary(base, [
      { values: "extreme" },
      { values: "extreme", output: { channels: 9, ...full, scale: 0.04 } },
    ]),
    ...vary(
      base,
      [
        [1, 1],
        [4, 1],
        [3, 1],
        [8, 1],
        [3, 2],
        [7, 3],
        [1, 2],
        [1, 5],
        [2, 3],
      ].map(([numerator, denominator]) => ({
        attributes: { mode, numerator: numerator!, denominator: denominator! },
        inputs: [shape(6, 10, 9)],
      })),
    ),
    ...vary(
      base,
      [
        [6, 10, 6, 10],
        [6, 10, 12, 10],
        [6, 10, 6, 40],
        [6, 10, 24, 20],
        [6, 10, 1, 1],
        [6, 10, 5, 17],
        [6, 10, 2, 3],
        [1, 1, 9, 5],
        [1, 8, 7, 33],
        [13, 1, 33, 4],
        [3, 5, 120, 99],
      ].map(([height, width, likeHeight, likeWidth]) => ({
        attributes: { mode },
        inputs: [shape(height!, width!, 9), shape(likeHeight!, likeWidth!, 4)],
      })),
    ),
  ];
}).filter(hasOutput);

const pairBase: Case = {
  code: format.ADD,
  inputs: [shape(5, 7, 9), shape(5, 7, 9, QUANTISATIONS.narrow)],
  output: { channels: 9, ...full },
};
const pairCases = [format.ADD, format.MULTIPLY].flatMap((code) => {
  const base = { ...pairBase, code };
  const scale = code === format.ADD ? 0.04 : 0.01;
  const output = { channels: 9, ...full, scale };
  const repeated = { ...base, output, inputs: [shape(5, 7, 9), shape(1, 1, 9, QUANTISATIONS.linear7)] };
  return [
    ...vary({ ...base, output }, sizesOf(base)),
    ...vary(base, scalesOf(base)),
    ...vary({ ...base, output }, quantisationsOf(base)),
    ...vary({ ...base, output }, channelsOf({ ...base, output })),
    ...vary(
      repeated,
      CHANNELS.map((channels) => ({
        inputs: repeated.inputs.map((input) => ({ ...input, channels })),
        output: { ...output, channels },
      })),
    ),
    ...vary(repeated, [
      { inputs: [shape(1, 1, 9), shape(1, 1, 9)] },
      { inputs: [shape(1, 17, 9), shape(1, 1, 9)] },
      { inputs: [shape(17, 1, 9), shape(1, 1, 9)], values: "extreme" },
      { inputs: [shape(16, 33, 9), shape(16, 33, 9)], values: "extreme" },
    ]),
    // ties: halves and quarters of a step
    ...vary(
      base,
      [0.25, 0.5, 1, 2].map((step) => ({
        inputs: [shape(9, 16, 9, { ...full, scale: 0.5 }), shape(9, 16, 9, { ...full, scale: 0.25 })],
        output: { channels: 9, ...full, scale: step },
      })),
    ),
  ];
});

const concatBase: Case = {
  code: format.CONCAT,
  inputs: [shape(5, 7, 9), shape(5, 7, 3, QUANTISATIONS.narrow)],
  output: { channels: 12, ...full },
};
const concatCases = [
  ...vary(concatBase, sizesOf(concatBase)),
  ...vary(concatBase, scalesOf(concatBase)),
  ...vary(concatBase, rangesOf(concatBase)),
  ...vary(concatBase, quantisationsOf(concatBase)),
  ...vary(
    concatBase,
    [
      [1, 1],
      [8, 8],
      [16, 24],
      [7, 8, 9],
      [1, 2, 3, 4],
      [17, 40, 16, 1],
    ].flatMap((channels) =>
      [full, QUANTISATIONS.linear7].map((quantisation) => ({
        inputs: channels.map((count, slot) => shape(4, 5, count, slot === 0 ? full : quantisation)),
        output: { channels: channels.reduce((sum, count) => sum + count), ...full },
      })),
    ),
  ),
  // ties
  ...vary(concatBase, [
    {
      inputs: [shape(9, 16, 9, { ...full, scale: 0.5 }), shape(9, 16, 3, { ...full, scale: 0.25 })],
      output: { channels: 12, ...full, scale: 1 },
    },
  ]),
];

const padBase: Case = {
  code: format.PAD,
  inputs: [shape(5, 7, 9)],
  output: { channels: 9, ...full },
  attributes: { padTop: 1, padLeft: 2, padBottom: 3, padRight: 4, value: -3 },
};
const padCases = [
  ...vary(padBase, sizesOf(padBase)),
  ...vary(padBase, channelsOf(padBase)),
  ...vary(
    padBase,
    [
      {},
      { padTop: 1 },
      { padLeft: 1 },
      { padBottom: 1 },
      { padRight: 1 },
      { padTop: 255, padLeft: 255, padBottom: 255, padRight: 255, value: 127 },
      { padLeft: 9, value: -128 },
    ].map((attributes) => ({ attributes })),
  ),
];

/** Every case by the name of its operation. */
export const CASES: ReadonlyMap<string, readonly Case[]> = new Map(
  [
    convolutionCases,
    depthwiseCases,
    pointwiseCases,
    maxPoolCases,
    averagePoolCases,
    globalCases,
    gateCases,
    lookupCases,
    resizeCases,
    pairCases.filter((test) => test.code === format.ADD),
    pairCases.filter((test) => test.code === format.MULTIPLY),
    concatCases,
    padCases,
  ].map((cases) => [OPS.get(cases[0]!.code)!.name, cases]),
);

/** Whether the operation gives at least one pixel. */
export function hasOutput(test: Case): boolean {
  const { model, opIndex } = buildCase(test);
  const op = model.ops[opIndex]!;
  const size = kindOf(op).size(op.attributes, test.inputs);
  return size.height > 0 && size.width > 0;
}

/** A short text that tells the case from its neighbours. */
export function describeCase({ inputs, output, attributes, filter, values, seed }: Case): string {
  const tensor = (t: Tensor) => `${t.channels}[${t.min}..${t.max}]z${t.zero}s${t.scale}`;
  const sizes = inputs.map((input) => `${input.height}x${input.width}x${tensor(input)}`).join(" + ");
  return `#${seed} ${sizes} -> ${tensor(output)} ${JSON.stringify({ ...attributes, ...filter, values })}`;
}
