/** Measures all engines in one host. */
import type { Spec } from "./engines/engine.js";
import { agreement, interleave, type Plan } from "./measure.js";
import type { HostResults, Measured } from "./results.js";
import type { Roofline } from "./roofline/measure.js";
import type { BenchHost, LoadTimes, Runner } from "./runner.js";
import type { Bytes } from "./sizes.js";

export interface BenchOptions {
  readonly plan: Plan;
  /** Loads that are timed, after one that warms the cache. */
  readonly loads: number;
  /** Passes over the network for its roofline, 0 for none. */
  readonly passes: number;
  /** The right mask. */
  readonly mask: Uint8Array;
  readonly sizeOf: (paths: readonly string[]) => Bytes;
  readonly say: (text: string) => void;
}

interface Ready {
  readonly runner: Runner;
  readonly loads: readonly LoadTimes[];
  readonly agreement: number;
  readonly residentBytes?: number;
}

/** Loads every engine, compares its mask, then times those that agree, in turn. The runners are closed. */
export async function benchHost(
  host: BenchHost,
  specs: readonly Spec[],
  options: BenchOptions,
): Promise<HostResults> {
  const { plan, say } = options;
  const leftOut: { label: string; reason: string }[] = [];
  const ready: Ready[] = [];
  for (const spec of specs) {
    const runner = await host.open(spec);
    try {
      ready.push(await makeReady(runner, options));
      say(
        `${host.name}: ${spec.label}: ${(100 * ready.at(-1)!.agreement).toFixed(2)} % of the pixels equal\n`,
      );
    } catch (error) {
      const reason = (error as Error).message.split("\n")[0]!.replace("page.evaluate: Error: ", "");
      leftOut.push({ label: spec.label, reason });
      say(`${host.name}: left out: ${spec.label}: ${reason}\n`);
      await runner.close();
    }
  }
  const samples = await interleave(
    ready.map(({ runner }) => runner),
    plan,
    (round, all) => say(`\r${host.name}: round ${round + 1} of ${all}${round + 1 === all ? "\n" : ""}`),
  );
  const engines: Measured[] = [];
  for (const [index, { runner, ...rest }] of ready.entries()) {
    const { spec } = runner;
    const files = host.filesOf(spec);
    engines.push({
      spec,
      ...rest,
      samples: samples[index]!,
      linearBytes: await runner.linearBytes(),
      ...(files && { files, bytes: options.sizeOf(files) }),
    });
    await runner.close();
  }
  return {
    host: host.name,
    version: host.version,
    engines,
    leftOut,
    rooflines: await rooflines(host, engines, options.passes),
  };
}

async function makeReady(runner: Runner, { loads, mask }: BenchOptions): Promise<Ready> {
  const times: LoadTimes[] = [];
  let share = 0;
  let residentBytes: number | undefined;
  const count = runner.spec.isSlow ? 0 : loads;
  for (let index = 0; index <= count; index++) {
    const { load, firstMask, ...result } = await runner.load();
    if (index > 0 || count === 0) times.push({ load, firstMask });
    share = agreement(result.mask, mask);
    residentBytes = result.residentBytes;
  }
  const { agreement: least } = runner.spec;
  if (share < least) {
    throw new Error(`only ${(100 * share).toFixed(2)} % of the pixels equal, expected ${100 * least} %`);
  }
  return { runner, loads: times, agreement: share, ...(residentBytes !== undefined && { residentBytes }) };
}

/** Of every build of ours with SIMD that ran on one thread. */
async function rooflines(host: BenchHost, engines: readonly Measured[], passes: number): Promise<Roofline[]> {
  if (passes === 0) return [];
  const variants = engines
    .filter(({ spec }) => spec.engine === "ours" && spec.threads === 1 && spec.variant !== "scalar")
    .map(({ spec }) => spec.variant!);
  const list: Roofline[] = [];
  for (const variant of variants) list.push(await host.roofline(variant, passes));
  return list;
}
