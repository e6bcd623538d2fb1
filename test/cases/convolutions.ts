/** Cases of the convolutions. */
import * as format from "../../src/format.js";
import type { Attributes } from "../../src/ops.js";
import { squareWindow } from "../fixtures/fixture.js";
import type { Case } from "./case.js";
import {
  activated,
  CHANNELS,
  channelsOf,
  full,
  quantizationsOf,
  shape,
  sizesOf,
  vary,
  WIDE,
  wideOutputs,
} from "./vary.js";

/** What strains the arithmetic of a convolution. */
const FILTERS: readonly Partial<Case>[] = [
  ...[1e-6, 0.3, 1, 5, 300, 1e6, 1e12].map((spread) => ({ filter: { spread } })),
  { filter: { bias: "extreme", spread: 1e-5 } },
  { filter: { bias: "extreme", spread: 1 } },
  { filter: { weights: "extreme" } },
  { filter: { weights: "extreme" }, values: "extreme" },
  { filter: { weights: "extreme", bias: "extreme", spread: 0.01 }, values: "extreme" },
];

export const WINDOWS: readonly Partial<Attributes>[] = [
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
export const SMALL_INPUTS: readonly Partial<Case>[] = [
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
export const pointwiseCases = [
  ...vary(pointwiseBase, sizesOf(pointwiseBase)),
  ...vary(pointwiseBase, quantizationsOf(pointwiseBase)),
  ...vary(pointwiseBase, FILTERS),
  ...vary(pointwiseBase, wideOutputs(pointwiseBase, FILTERS)),
  ...activated(pointwiseBase, FILTERS),
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
export const convolutionCases = [
  ...vary(convolutionBase, sizesOf(convolutionBase)),
  ...vary(convolutionBase, quantizationsOf(convolutionBase)),
  ...vary(convolutionBase, FILTERS),
  ...vary(convolutionBase, wideOutputs(convolutionBase, FILTERS)),
  ...activated(convolutionBase, FILTERS),
  ...activated({ ...convolutionBase, attributes: { ...squareWindow(3, 2, 2), groups: 1 } }, []),
  ...vary({ ...convolutionBase, output: { channels: 12, ...WIDE[0] }, filter: { spread: 900 } }, [
    { attributes: { ...squareWindow(3, 1, 2), groups: 1 } },
    { attributes: { ...squareWindow(3), groups: 3 } },
  ]),
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

export const depthwiseBase: Case = {
  code: format.DEPTHWISE,
  inputs: [shape(9, 17, 9)],
  output: { channels: 9, ...full },
  attributes: squareWindow(3),
};
export const depthwiseCases = [
  ...vary(depthwiseBase, sizesOf(depthwiseBase)),
  ...vary(depthwiseBase, quantizationsOf(depthwiseBase)),
  ...vary(depthwiseBase, FILTERS),
  ...activated(depthwiseBase, [...FILTERS, { attributes: squareWindow(5, 2) }]),
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
