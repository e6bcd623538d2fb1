/** What a model costs, and an image of its memory over time. */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import type { Model } from "../../src/ops.js";
import type { ArenaBlock, Plan } from "../../src/plan.js";
import { isFile, readText, stem } from "../common/files.js";

const FREE = "·";
const KEPT = "░";
const READ = "▒";
const WRITTEN = "█";
const SCRATCH = "s";

/** Explains the signs of `drawMemory`. */
export const MEMORY_LEGEND = `${WRITTEN} written  ${READ} read  ${KEPT} kept for later  ${SCRATCH} scratch  ${FREE} free`;

/**
 * The arena while each operation runs: one line an operation, low addresses left.
 *
 * @param columns characters across the whole arena
 */
export function drawMemory(model: Model, plan: Plan, columns: number): string[] {
  return model.ops.map((op, index) => {
    const line = new Array<string>(columns).fill(FREE);
    const draw = (block: ArenaBlock, sign: string) => {
      const start = Math.floor((block.offset / plan.arenaBytes) * columns);
      const end = Math.ceil(((block.offset + block.bytes) / plan.arenaBytes) * columns);
      line.fill(sign, start, end);
    };
    const alive = plan.blocks.filter(({ first, last }) => first <= index && index <= last);
    const rank = (block: ArenaBlock): string => {
      if (block.tensor < 0) return SCRATCH;
      if (block.tensor === op.output) return WRITTEN;
      return op.inputs.includes(block.tensor) ? READ : KEPT;
    };
    for (const sign of [KEPT, READ, SCRATCH, WRITTEN]) {
      for (const block of alive) if (rank(block) === sign) draw(block, sign);
    }
    return line.join("");
  });
}

/**
 * NetScore: 20 log10(accuracy^2 / (sqrt(parameters) sqrt(MACs))), accuracy in percent, parameters in millions,
 * MACs in thousands of millions (A. Wong, NetScore, 2018).
 *
 * @param accuracy 0..1
 */
export function netScore(accuracy: number, parameters: number, macs: number): number {
  const percent = 100 * accuracy;
  return 20 * Math.log10(percent ** 2 / Math.sqrt((parameters / 1e6) * (macs / 1e9)));
}

/**
 * Pixel accuracy (0..1) by the metadata beside a model file: NAME.json with the file's `sha256`, and the accuracy of the
 * int8 engine in `evaluation.int8.pixelAccuracy` at `evaluation.input`, such as "512x512".
 *
 * @param bytes of the model file
 * @param input size that an accuracy is wanted for
 * @returns undefined where there is no such file, or it is about another model file or input size
 */
export function reportedAccuracy(path: string, bytes: Uint8Array, input: string): number | undefined {
  const beside = join(dirname(path), `${stem(path)}.json`);
  if (!isFile(beside)) return undefined;
  let metadata: {
    sha256?: unknown;
    evaluation?: { input?: unknown; int8?: { pixelAccuracy?: unknown } };
  } | null;
  try {
    metadata = JSON.parse(readText(beside));
  } catch {
    return undefined;
  }
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (metadata?.sha256 !== sha256 || metadata.evaluation?.input !== input) return undefined;
  const accuracy = metadata.evaluation.int8?.pixelAccuracy;
  return typeof accuracy === "number" ? accuracy : undefined;
}
