/** Cases of pooling. */
import * as format from "../../src/format.js";
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

const globalBase: Case = {
  code: format.GLOBAL_AVERAGE_POOL,
  inputs: [shape(9, 17, 9)],
  output: { channels: 9, ...full },
};
export const globalCases = [
  ...rescaled(globalBase),
  ...vary(globalBase, [{ inputs: [shape(300, 300, 9)], values: "extreme" }]),
];
