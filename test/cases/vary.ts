/** What cases of any operation vary: sizes, channels, quantization. */
import type { Tensor } from "../../src/ops.js";
import type { Case } from "./case.js";

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

/** Ways to quantise logits in more than 8 bits. */
export const WIDE = [
  { scale: 0.001, zero: 100, min: -4096, max: 4095 },
  { scale: 0.02, zero: -3000, min: -3500, max: 900 },
] as const;

/** Sizes around the width of a vector. */
export const SIDES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 33] as const;
export const CHANNELS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 40] as const;

export const { full } = QUANTISATIONS;

/** A tensor of the given size. */
export function shape(
  height: number,
  width: number,
  channels: number,
  quantization: Omit<Tensor, "channels"> = full,
) {
  return { height, width, channels, ...quantization };
}

/** The case with parts of it replaced, one new case for each. */
export function vary(base: Case, changes: readonly Partial<Case>[]): Case[] {
  return changes.map((change, index) => ({ ...base, ...change, seed: index + 1 }));
}

/** One input of each size with the channels of `base`. */
export function sizesOf(base: Case): Partial<Case>[] {
  const sizes = [...SIDES.map((side) => [side, side]), [1, 17], [17, 1], [2, 33], [5, 16], [16, 5]];
  return sizes.map(([height, width]) => ({
    inputs: base.inputs.map((input) => ({ ...input, height: height!, width: width! })),
  }));
}

/** Every quantization of the input with every one of the output. */
export function quantizationsOf(base: Case): Partial<Case>[] {
  const all = Object.values(QUANTISATIONS);
  return all.flatMap((from) =>
    all.map((to) => ({
      inputs: base.inputs.map((input) => ({ ...input, ...from })),
      output: { ...base.output, ...to },
    })),
  );
}

/** Wide outputs of 2 channels and more, and what strains them. */
export function wideOutputs(base: Case, strains: readonly Partial<Case>[]): Partial<Case>[] {
  return WIDE.flatMap((quantization) => [
    ...CHANNELS.slice(1).map((channels) => ({
      output: { channels, ...quantization },
      filter: { spread: 1500 },
    })),
    ...strains.map((strain) => ({ output: { ...base.output, ...quantization }, ...strain })),
  ]);
}

/** Convolutions with an activation: each range of the output, numbers of channels, and what strains them. */
export function activated(base: Case, strains: readonly Partial<Case>[]): Case[] {
  const ranges = Object.values(QUANTISATIONS).map(
    (range): Partial<Case> => ({ output: { ...base.output, ...range } }),
  );
  const cases = [...ranges, ...channelsOf(base), ...strains].map((change) => {
    return { ...change, filter: { spread: 60, ...change.filter, isActivated: true } };
  });
  return vary(base, cases);
}

/** Every quantization, the same on both ends. */
export function sameQuantizationsOf(base: Case): Partial<Case>[] {
  return Object.values(QUANTISATIONS).map((quantization) => ({
    inputs: base.inputs.map((input) => ({ ...input, ...quantization })),
    output: { ...base.output, ...quantization },
  }));
}

/** The same channels everywhere, once for each number. */
export function channelsOf(base: Case): Partial<Case>[] {
  return CHANNELS.map((channels) => ({
    inputs: base.inputs.map((input) => ({ ...input, channels })),
    output: { ...base.output, channels },
  }));
}

/** Scale and zero point the same on both ends, so that nothing but the range of the output changes a value. */
export function rangesOf(base: Case): Partial<Case>[] {
  const { scale, zero } = base.inputs[0]!;
  const ranges = [full, QUANTISATIONS.positive7, QUANTISATIONS.narrow, QUANTISATIONS.constant];
  return ranges.map(({ min, max }) => ({
    inputs: base.inputs.map((input) => ({ ...input, scale, zero })),
    output: { ...base.output, scale, zero, min, max },
  }));
}

/** The smallest and the largest scale, each way, and one that makes results of about 2^24. */
export function scalesOf(base: Case): Partial<Case>[] {
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

/** All of what varies for an operation that brings its input from one scale to another. */
export function rescaled(base: Case): Case[] {
  return [sizesOf, scalesOf, rangesOf, quantizationsOf, channelsOf].flatMap((changesOf) =>
    vary(base, changesOf(base)),
  );
}
