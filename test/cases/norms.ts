/** Cases of PReLU, maxima, norms, unpooling and channels laid out as blocks. */
import * as format from "../../src/format.js";
import { type Case, hasOutput } from "./case.js";
import {
  CHANNELS,
  channelsOf,
  full,
  QUANTISATIONS,
  quantizationsOf,
  rescaled,
  sameQuantizationsOf,
  shape,
  sizesOf,
  vary,
} from "./vary.js";

const blockBase: Case = {
  code: format.DEPTH_TO_SPACE,
  inputs: [shape(5, 7, 36)],
  output: { channels: 9, ...full },
  attributes: { strideY: 2, strideX: 2 },
};
export const depthToSpaceCases = [format.CHANNEL_FASTER, format.PLACE_FASTER]
  .flatMap((mode) => {
    const base = { ...blockBase, attributes: { ...blockBase.attributes, mode } };
    return [
      ...vary(base, sizesOf(base)),
      ...vary(base, sameQuantizationsOf(base)),
      ...vary(
        base,
        CHANNELS.map((channels) => ({
          inputs: [shape(5, 7, 4 * channels)],
          output: { channels, ...full },
        })),
      ),
      ...vary(
        base,
        [
          [1, 1],
          [1, 2],
          [3, 1],
          [4, 4],
        ].flatMap(([strideY, strideX]) =>
          [{}, { padTop: 1 }, { padLeft: 3, padBottom: 2 }, { padTop: 2, padRight: 1 }].map((crop) => ({
            inputs: [shape(5, 7, 3 * strideY! * strideX!)],
            output: { channels: 3, ...full },
            attributes: { strideY: strideY!, strideX: strideX!, mode, ...crop },
          })),
        ),
      ),
    ];
  })
  .filter(hasOutput);

const preluBase: Case = { code: format.PRELU, inputs: [shape(5, 7, 9)], output: { channels: 9, ...full } };
export const preluCases = rescaled(preluBase);

const planeBase: Case = {
  code: format.REDUCE_MAX,
  inputs: [shape(9, 17, 9)],
  output: { channels: 9, ...full },
  attributes: { mode: format.OVER_PLANE },
};
const channelBase: Case = {
  ...planeBase,
  output: { channels: 1, ...full },
  attributes: { mode: format.OVER_CHANNELS },
};
export const reduceMaxCases = [
  ...vary(planeBase, sizesOf(planeBase)),
  ...vary(planeBase, sameQuantizationsOf(planeBase)),
  ...vary(planeBase, channelsOf(planeBase)),
  ...vary(channelBase, sizesOf(channelBase)),
  ...vary(channelBase, sameQuantizationsOf(channelBase)),
  ...vary(
    channelBase,
    CHANNELS.map((channels) => ({ inputs: [shape(4, 5, channels)] })),
  ),
];

const normBase: Case = {
  code: format.GROUP_NORM,
  inputs: [shape(5, 7, 12)],
  output: { channels: 12, ...full },
  attributes: { groups: 3, mode: format.OVER_PLANE },
};
export const groupNormCases = [format.OVER_PLANE, format.OVER_CHANNELS].flatMap((mode) => {
  const base = { ...normBase, attributes: { groups: 3, mode } };
  const constant = { ...full, min: 7, max: 7 };
  return [
    ...vary(base, sizesOf(base)),
    ...vary(base, quantizationsOf(base)),
    ...vary(
      base,
      [1, 2, 3, 4, 6, 12].map((groups) => ({ attributes: { groups, mode } })),
    ),
    ...vary(
      base,
      [1, 2, 15, 16, 17, 40].map((channels) => ({
        inputs: [shape(6, 5, channels)],
        output: { channels, ...full },
        attributes: { groups: 1, mode },
      })),
    ),
    ...vary(base, [
      { inputs: [shape(5, 7, 12, constant)] },
      {
        inputs: [shape(5, 7, 12, constant)],
        filter: { spread: 2 ** -59 },
        output: { channels: 12, ...full, scale: 2 ** -30 },
      },
      { inputs: [shape(100, 120, 12)], values: "extreme" },
    ]),
  ];
});

const unpoolBase: Case = {
  code: format.MAX_UNPOOL,
  inputs: [shape(3, 4, 9, QUANTISATIONS.positive7), shape(6, 8, 9)],
  output: { channels: 9, ...QUANTISATIONS.positive7 },
  attributes: { strideY: 2, strideX: 2 },
};
export const maxUnpoolCases = [
  ...vary(
    unpoolBase,
    [
      [1, 1, 1, 1],
      [2, 2, 2, 3],
      [3, 3, 2, 2],
      [5, 17, 2, 2],
      [7, 6, 3, 4],
      [16, 16, 1, 2],
    ].flatMap(([height, width, strideY, strideX]) =>
      CHANNELS.map((channels) => ({
        inputs: [
          shape(Math.floor(height! / strideY!) || 1, Math.floor(width! / strideX!) || 1, channels, full),
          shape(Math.max(height!, strideY!), Math.max(width!, strideX!), channels, {
            ...full,
            min: -2,
            max: 3,
          }),
        ],
        output: { channels, ...full },
        attributes: { strideY: strideY!, strideX: strideX! },
      })),
    ),
  ),
];
