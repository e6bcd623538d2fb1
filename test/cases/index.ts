/** What every build must compute exactly as the reference does. */
import * as format from "../../src/format.js";
import { OPS } from "../../src/ops.js";
import type { Case } from "./case.js";
import { convolutionCases, depthwiseCases, pointwiseCases } from "./convolutions.js";
import { concatCases, gateCases, lookupCases, padCases, pairCases, resizeCases } from "./maps.js";
import { depthToSpaceCases, groupNormCases, maxUnpoolCases, preluCases, reduceMaxCases } from "./norms.js";
import { averagePoolCases, globalCases, maxPoolCases } from "./pools.js";

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
    depthToSpaceCases,
    preluCases,
    reduceMaxCases,
    groupNormCases,
    maxUnpoolCases,
  ].map((cases) => [OPS.get(cases[0]!.code)!.name, cases]),
);
