/** The operator tests of the `onnx` package: each is right, or refused for a reason. */
import { describe, expect, test } from "vitest";
import { hasOnnx, judgeCase, operatorCases } from "./operators.js";

/** In all, in milliseconds; a test takes about 0.1 s. */
const TIMEOUT = 600_000;

const DECIBELS = 20;
const AGREEMENT = 0.98;
/**
 * Of a network whose channels before Softmax are nearly the same mixture of colours, so that what they differ by is a few
 * steps of 8 bits.
 */
const COARSE = { name: "test_softmax_example_channels_last", decibels: 18, agreement: 0.95 };
/** Of the lowered graph in floating point: what float32 sums in another order may differ by. */
const EXACT = 1e-3;

/** Refusals are of one line each, or a list of them. */
const REASON = /^([A-Z]\w+ ".+": .+|input ".+": .+|the logits are only .+|\d+ nodes cannot be converted.+)/s;

describe.skipIf(!hasOnnx)("operator tests of the onnx package (python3 with onnx and onnxruntime)", () => {
  test("none is wrong", { timeout: TIMEOUT }, async () => {
    const wrong: string[] = [];
    const refused = new Map<string, number>();
    let right = 0;
    for (const one of operatorCases()) {
      const verdict = await judgeCase(one);
      if ("refusal" in verdict) {
        expect(verdict.refusal).toMatch(REASON);
        const reason = verdict.refusal.replace(/; supported are .*/, "").replace(/ ".+?"/, "");
        refused.set(reason, (refused.get(reason) ?? 0) + 1);
        continue;
      }
      const { decibels, agreement, error } = verdict;
      const least = one.name === COARSE.name ? COARSE : { decibels: DECIBELS, agreement: AGREEMENT };
      if (decibels > least.decibels && agreement >= least.agreement && error < EXACT) right++;
      else wrong.push(`${one.name}: ${decibels.toFixed(1)} dB, ${agreement}, float ${error}`);
    }
    const reasons = Array.from(refused, ([reason, count]) => `${count} ${reason}`);
    console.log(`${right} right, ${wrong.length} wrong, refused:\n${reasons.sort().join("\n")}`);
    expect(wrong).toEqual([]);
    expect(right).toBeGreaterThan(250);
  });
});
