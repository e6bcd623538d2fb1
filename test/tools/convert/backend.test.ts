/** The operator tests of the `onnx` package: each is right, or refused for a reason. */
import { describe, expect, test } from "vitest";
import { backendCases, hasOnnx, judgeCase, type Verdict } from "./backend.js";

/** In all, in milliseconds; a test takes about 0.1 s. */
const TIMEOUT = 600_000;

const DECIBELS = 20;
const AGREEMENT = 0.98;

/** Refusals are of one line each, or a list of them. */
const REASON = /^([A-Z]\w+ ".+": .+|input ".+": .+|the logits are only .+|\d+ nodes cannot be converted.+)/s;

describe.skipIf(!hasOnnx)("operator tests of the onnx package", () => {
  test("none is wrong", { timeout: TIMEOUT }, async () => {
    const wrong: string[] = [];
    const refused: string[] = [];
    let right = 0;
    for (const one of backendCases()) {
      const verdict: Verdict = await judgeCase(one);
      if ("refusal" in verdict) refused.push(`${one.name}: ${verdict.refusal}`);
      else if (verdict.decibels > DECIBELS && verdict.agreement >= AGREEMENT) right++;
      else wrong.push(`${one.name}: ${verdict.decibels.toFixed(1)} dB, ${verdict.agreement}`);
    }
    console.log(`${right} right, ${refused.length} refused:\n${refused.join("\n")}`);
    expect(wrong).toEqual([]);
    expect(right).toBeGreaterThan(200);
    for (const refusal of refused) expect(refusal.replace(/^\w+: /, "")).toMatch(REASON);
  });
});
