/** Times every operation of the network, and the most that the machine's instructions could do. */

import { Segmenter } from "../../src/index.js";
import type { Variant } from "../../src/variant.js";
import type { Host } from "../engines/engine.js";
import { median } from "../measure.js";

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
  /** By operation, the median over the passes; the first is the input picture. */
  readonly ops: readonly number[];
  /** From the scores to a mask of 512 x 512. */
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
  const segmenter = await Segmenter.load(await host.read("model.aseg"), {
    variant: variant as Variant,
    width: SIDE,
    height: SIDE,
  });
  const image = { data: levels, width: SIDE, height: SIDE, channels: 3 } as const;
  const times: number[][] = [];
  for (let pass = -Math.ceil(passes / 3); pass < passes; pass++) {
    const steps = segmenter.steps(image);
    let step = 0;
    for (let isDone: boolean | undefined = false; !isDone; step++) {
      const start = performance.now();
      isDone = steps.next().done;
      const time = performance.now() - start;
      if (pass >= 0) (times[step] ??= []).push(time);
    }
  }
  segmenter.dispose();
  const medians = times.map(median);
  const peaks = {
    dot: await peak(host, PEAKS.dot),
    relaxed: await peak(host, PEAKS.relaxed),
    relaxedAdd: await peak(host, PEAKS.relaxedAdd),
  };
  return { variant, ops: medians.slice(0, -1), mask: medians.at(-1)!, peaks };
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
