/** Cases of pooling. */
import * as format from "../../src/format.js";
import type { Attributes } from "../../src/ops.js";
import { squareWindow } from "../fixtures/fixture.js";
import { type Case, hasOutput } from "./case.js";
import { depthwiseBase, SMALL_INPUTS, WINDOWS } from "./convolutions.js";
import { channelsOf, full, rescaled, sameQuantizationsOf, shape, sizesOf, vary } from "./vary.js";

const maxPoolBase: Case = { ...depthwiseBase, code: format.MAX_POOL, attributes: squareWindow(2, 2) };
export const maxPoolCases = [
  ...vary(maxPoolBase, sizesOf(maxPoolBase)),
  ...vary(maxPoolBase, sameQuantizationsOf(maxPoolBase)),
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
export const averagePoolCases = [
  ...rescaled(averagePoolBase),
  ...[format.COUNT_INSIDE, format.COUNT_PADDING].flatMap((mode) =>
    vary(averagePoolBase, [
      ...SMALL_INPUTS.map((change) => ({ ...change, attributes: { ...change.attributes, mode } })),
      ...WINDOWS.map((window) => ({ attributes: { ...window, mode } })),
      { inputs: [shape(40, 40, 9)], attributes: { ...squareWindow(39), mode }, values: "extreme" },
    ]),
  ),
];

/** Colours averaged over 2x2 pixels, and windows that are nearly so. */
const colorsBase: Case = {
  code: format.AVERAGE_POOL,
  inputs: [shape(10, 34, 3)],
  output: { channels: 3, ...full },
  attributes: { ...squareWindow(2, 2), mode: format.COUNT_INSIDE },
};
const colorWindows: Partial<Attributes>[] = [
  { padLeft: 1, padTop: 1 },
  { padTop: 2, padBottom: 2 },
  { strideX: 1 },
  { strideY: 3 },
  { dilationX: 2 },
  { dilationY: 2 },
  { kernelHeight: 1 },
  { kernelHeight: 3, padTop: 1, padBottom: 1, mode: format.COUNT_PADDING },
];
averagePoolCases.push(
  ...[
    ...rescaled(colorsBase),
    ...vary(colorsBase, [
      ...[2, 7, 8, 9, 16, 17].map((width) => ({ inputs: [shape(7, width, 3)] })),
      ...colorWindows.map((window) => ({ attributes: { ...colorsBase.attributes, ...window } })),
      {
        inputs: [shape(7, 17, 3)],
        attributes: { ...colorsBase.attributes, padRight: 1, padBottom: 1 },
        values: "extreme",
      },
    ]),
  ].filter(hasOutput),
);

const globalBase: Case = {
  code: format.GLOBAL_AVERAGE_POOL,
  inputs: [shape(9, 17, 9)],
  output: { channels: 9, ...full },
};
export const globalCases = [
  ...rescaled(globalBase),
  ...vary(globalBase, [{ inputs: [shape(300, 300, 9)], values: "extreme" }]),
];
