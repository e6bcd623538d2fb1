import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OPS } from "../../src/ops.js";
import { describeCase } from "../cases/case.js";
import { CASES } from "../cases/index.js";
import { arbitraryCase, TESTED_CODES } from "../properties.js";
import { VARIANTS } from "../variants.js";
import { findFault } from "./check.js";

/** Cases for each operation and build; the seed makes a failure come back. */
const RUNS = { numRuns: 300, seed: 2026 };

describe.each(VARIANTS)("%s gives the bytes of the reference", (variant) => {
  it.each([...CASES.keys()])("%s: every case", (name) => {
    const faults = CASES.get(name)!.map((test) => [describeCase(test), findFault(test, variant)]);
    expect(faults.filter(([, fault]) => fault)).toEqual([]);
  });

  it.each(TESTED_CODES.map((code) => [OPS.get(code)!.name, code] as const))("%s: any case", (_, code) => {
    const property = fc.property(arbitraryCase(code), (test) => {
      expect(findFault(test, variant)).toBeUndefined();
    });
    fc.assert(property, RUNS);
  });

  it.each(TESTED_CODES.map((code) => [OPS.get(code)!.name, code] as const))(
    "%s: any split of rows",
    (_, code) => {
      const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 });
      const property = fc.property(arbitraryCase(code), cuts, (test, at) => {
        expect(
          findFault(
            test,
            variant,
            at.sort((a, b) => a - b),
          ),
        ).toBeUndefined();
      });
      fc.assert(property, { ...RUNS, numRuns: 100 });
    },
  );
});
