/** Times every operation of the network, and the most that the machine's instructions could do. */

import { Engine } from "../../src/engine.js";
import { openEngine } from "../../src/engines/inline.js";
import { parseModel } from "../../src/model.js";
import type { Model } from "../../src/ops.js";
import { plan } from "../../src/plan.js";
import type { Variant } from "../../src/variant.js";
import { median } from "../../tools/common/statistics.js";
import type { Host } from "../engines/engine.js";

const SIDE = 512;
const PEAK_ROUNDS = 1_000_000;

/** Builds of the peak loop, by the instruction they are made of. */
export const PEAKS = {
  dot: "peak-dot.wasm",
  relaxed: "peak-relaxed.wasm",
  relaxedAdd: "peak-relaxed-add.wasm",
} as const;

/** Times of one build, milliseconds, one thread. */
export interface Roofline {
  readonly variant: string;
  /** By operation, the median over the passes; the first is the input image. */
  readonly ops: readonly number[];
  /** The same with every tensor in memory as a whole, so that no operation runs within another one. */
  readonly apart: readonly number[];
  /** From the logits to a mask of 512 x 512. */
  readonly mask: number;
  /** Highest GMAC/s in registers by instruction; null where the host does not know it. */
  readonly peaks: Readonly<Record<keyof typeof PEAKS, number | null>>;
}

/** Runs the network operation by operation. @param passes at least 1; a third as many go before uncounted */
export async function measureRoofline(
  host: Host,
  variant: string,
  levels: Uint8Array,
  passes: number,
): Promise<Roofline> {
  const model = parseModel(await host.read("model.aseg"));
  const ops = await timeSteps(model, variant as Variant, false, levels, passes);
  const apart = await timeSteps(model, variant as Variant, true, levels, passes);
  const peaks = {
    dot: await peak(host, PEAKS.dot),
    relaxed: await peak(host, PEAKS.relaxed),
    relaxedAdd: await peak(host, PEAKS.relaxedAdd),
  };
  return { variant, ops: ops.slice(0, -1), apart: apart.slice(0, -1), mask: ops.at(-1)!, peaks };
}

/** Milliseconds of every operation and of the mask. */
async function timeSteps(
  model: Model,
  variant: Variant,
  whole: boolean,
  levels: Uint8Array,
  passes: number,
): Promise<number[]> {
  const engine = new Engine(model, plan(model, SIDE, SIDE, { whole }), await openEngine(variant));
  const mask = new Uint8Array(SIDE * SIDE);
  const steps = model.ops.map((_, index) =>
    index === 0
      ? () => engine.setImage({ data: levels, width: SIDE, height: SIDE, channels: 3 })
      : () => engine.run(index, index + 1),
  );
  steps.push(() => engine.writeMask(SIDE, SIDE, mask));
  const times: number[][] = steps.map(() => []);
  for (let pass = -Math.ceil(passes / 3); pass < passes; pass++) {
    for (const [index, step] of steps.entries()) {
      const start = performance.now();
      step();
      const time = performance.now() - start;
      if (pass >= 0) times[index]!.push(time);
    }
  }
  return times.map(median);
}

/** GMAC/s, the best of some runs. */
async function peak(host: Host, name: string): Promise<number | null> {
  const bytes = await host.read(name);
  if (!WebAssembly.validate(bytes as BufferSource)) return null;
  const { instance } = await WebAssembly.instantiate(bytes as BufferSource);
  const { run, macs } = instance.exports as { run(rounds: number): number; macs(): number };
  let best = 0;
  for (let trial = 0; trial < 25; trial++) {
    const start = performance.now();
    run(PEAK_ROUNDS);
    best = Math.max(best, (macs() * PEAK_ROUNDS) / (performance.now() - start) / 1e6);
  }
  return best;
}
