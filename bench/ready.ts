/** Loads an engine and looks whether it computes the right mask, before anything of it is timed. */
import type { Spec } from "./engines/engine.js";
import type { BenchHost, LoadTimes, Runner } from "./runner.js";
import { agreement } from "./statistics.js";

export interface ReadyOptions {
  /** Loads that are timed, after one that warms the cache. */
  readonly loads: number;
  /** The right mask of the drawn street. */
  readonly mask: Uint8Array;
  readonly say: (text: string) => void;
}

/** An engine that is loaded and agrees. */
export interface Ready {
  readonly runner: Runner;
  readonly loads: readonly LoadTimes[];
  /** Share of pixels equal to the right mask. */
  readonly agreement: number;
  readonly residentBytes?: number;
}

/** @throws Error if it does not load, or if too few pixels are equal; its runner is closed then */
export async function ready(
  host: BenchHost,
  spec: Spec,
  { loads, mask }: Pick<ReadyOptions, "loads" | "mask">,
): Promise<Ready> {
  const runner = await host.open(spec);
  try {
    const times: LoadTimes[] = [];
    let share = 0;
    let residentBytes: number | undefined;
    const count = spec.isSlow ? 0 : loads;
    for (let index = 0; index <= count; index++) {
      const { load, firstMask, ...result } = await runner.load();
      if (index > 0 || count === 0) times.push({ load, firstMask });
      share = agreement(result.mask, mask);
      residentBytes = result.residentBytes;
    }
    if (share < spec.agreement) {
      const equal = `${(100 * share).toFixed(2)} % of the pixels equal`;
      throw new Error(`only ${equal}, expected ${100 * spec.agreement} %`);
    }
    const memory = residentBytes !== undefined && { residentBytes };
    return { runner, loads: times, agreement: share, ...memory };
  } catch (error) {
    await runner.close();
    throw error;
  }
}
