/** Cases of operations on whole maps: gate, table, resizing, sums and products, joining, padding. */
import * as format from "../../src/format.js";
import { type Case, hasOutput } from "./case.js";
import {
  CHANNELS,
  channelsOf,
  full,
  QUANTISATIONS,
  quantizationsOf,
  rangesOf,
  rescaled,
  scalesOf,
  shape,
  sizesOf,
  vary,
} from "./vary.js";

const gateBase: Case = {
  code: format.GATE,
  inputs: [shape(8, 16, 9), shape(4, 8, 9, QUANTISATIONS.narrow)],
  output: { channels: 9, ...full },
  attributes: { numerator: 2 },
};
export const gateCases = [
  ...vary(gateBase, quantizationsOf(gateBase)),
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
export const lookupCases = [
  ...vary(lookupBase, sizesOf(lookupBase)),
  ...vary(lookupBase, quantizationsOf(lookupBase)),
  ...vary(lookupBase, channelsOf(lookupBase)),
];

const resizeBase: Case = { code: format.RESIZE, inputs: [shape(5, 7, 9)], output: { channels: 9, ...full } };
const MODES = [format.NEAREST, format.BILINEAR, format.BILINEAR_ALIGNED, format.BILINEAR_ASYMMETRIC];
export const resizeCases = MODES.flatMap((mode) => {
  const base = { ...resizeBase, attributes: { mode, numerator: 2, denominator: 1 } };
  return [
    ...rescaled(base),
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
export const pairCases = [format.ADD, format.MULTIPLY].flatMap((code) => {
  const base = { ...pairBase, code };
  const scale = code === format.ADD ? 0.04 : 0.01;
  const output = { channels: 9, ...full, scale };
  const repeated = { ...base, output, inputs: [shape(5, 7, 9), shape(1, 1, 9, QUANTISATIONS.linear7)] };
  return [
    ...vary({ ...base, output }, sizesOf(base)),
    ...vary(base, scalesOf(base)),
    ...vary({ ...base, output }, quantizationsOf(base)),
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
export const concatCases = [
  ...vary(concatBase, sizesOf(concatBase)),
  ...vary(concatBase, scalesOf(concatBase)),
  ...vary(concatBase, rangesOf(concatBase)),
  ...vary(concatBase, quantizationsOf(concatBase)),
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
      [full, QUANTISATIONS.linear7].map((quantization) => ({
        inputs: channels.map((count, slot) => shape(4, 5, count, slot === 0 ? full : quantization)),
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
export const padCases = [
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
  ...[format.PAD_EDGE, format.PAD_REFLECT].flatMap((mode) =>
    vary(
      padBase,
      [
        {},
        { padTop: 1 },
        { padLeft: 3 },
        { padBottom: 4 },
        { padRight: 6 },
        { padTop: 4, padLeft: 6, padBottom: 4, padRight: 6 },
      ].map((attributes) => ({ attributes: { ...attributes, mode } })),
    ),
  ),
];
