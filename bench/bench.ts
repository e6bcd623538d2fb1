/** Measures all engines in all hosts, in one run. */
import type { Spec } from "./engines/engine.js";
import { interleave, type Outcome, oneLine, type Schedule } from "./interleave.js";
import { measureLayer } from "./layers/measure.js";
import type { PreparedLayer } from "./layers/prepare.js";
import { type Ready, type ReadyOptions, ready } from "./ready.js";
import type { HostResults, LeftOut, Measured } from "./results.js";
import type { BenchHost, Runner } from "./runner.js";
import type { Bytes } from "./sizes.js";

export interface BenchOptions extends ReadyOptions {
  readonly plan: Schedule;
  /** Passes over the network for its roofline, 0 for none. */
  readonly passes: number;
  /** Files of frames, on which all builds of ours have to agree; may be none. */
  readonly frames: readonly string[];
  readonly layers: readonly PreparedLayer[];
  readonly sizeOf: (paths: readonly string[]) => Bytes;
  /** Told the results so far, again and again, so that they are not lost if the run is ended. */
  readonly save: (hosts: readonly HostResults[]) => void;
}

/** What is known of a host so far. */
interface Part {
  readonly host: BenchHost;
  readonly results: HostResults & {
    engines: Measured[];
    leftOut: LeftOut[];
    layers: HostResults["layers"][number][];
    rooflines: HostResults["rooflines"][number][];
  };
}

/** An engine that is loaded, and where it belongs. */
interface Entry extends Ready {
  readonly part: Part;
}

/**
 * Loads every engine in every host, compares its mask, then times all that agree in turn. What fails is left out, with
 * the reason. Single layers and rooflines follow.
 */
export async function bench(
  hosts: readonly BenchHost[],
  specs: readonly Spec[],
  options: BenchOptions,
): Promise<readonly HostResults[]> {
  const { plan, say } = options;
  const parts = hosts.map((host): Part => {
    const { name, version } = host;
    return { host, results: { host: name, version, engines: [], leftOut: [], layers: [], rooflines: [] } };
  });
  const all = parts.map(({ results }) => results);
  const entries = await loadAll(parts, specs, options);
  const seconds = entries.reduce((sum, entry) => sum + secondsOf(entry, plan), 0);
  say(`${entries.length} engines; the rounds take about ${duration(seconds)}\n`);
  const outcomes = await interleave(
    entries.map(({ runner }) => runner),
    plan,
    (round, count, soFar) => {
      say(`\rround ${round + 1} of ${count}${round + 1 === count ? "\n" : ""}`);
      if (round > plan.warmUp && (round - plan.warmUp) % plan.rounds === 0)
        options.save(early(parts, entries, soFar, 0));
    },
  );
  for (const [index, { part, runner, ...rest }] of entries.entries()) {
    const { samples, fault } = outcomes[index]!;
    await attempt(part, runner.spec.label, options, async () => {
      if (fault !== undefined) throw new Error(fault);
      part.results.engines.push({ ...rest, samples, ...(await finish(part.host, runner, options)) });
    });
    await runner.close();
    options.save(early(parts, entries, outcomes, index + 1));
  }
  for (const part of parts) {
    await layersOf(part, options);
    options.save(all);
    await rooflinesOf(part, options);
    options.save(all);
  }
  return all;
}

/** Does something for a host; an error leaves it out. */
async function attempt(
  { host, results }: Part,
  label: string,
  { say }: BenchOptions,
  action: () => Promise<void>,
): Promise<void> {
  try {
    await action();
  } catch (error) {
    const reason = oneLine(error).replace("page.evaluate: Error: ", "");
    results.leftOut.push({ label, reason });
    say(`${host.name}: left out: ${label}: ${reason}\n`);
  }
}

async function loadAll(
  parts: readonly Part[],
  specs: readonly Spec[],
  options: BenchOptions,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const part of parts) {
    const { host } = part;
    for (const spec of specs.filter(({ hosts }) => hosts.includes(host.name))) {
      await attempt(part, spec.label, options, async () => {
        const entry = { part, ...(await ready(host, spec, options)) };
        entries.push(entry);
        options.say(
          `${host.name}: ${spec.label}: ${(100 * entry.agreement).toFixed(2)} % of the pixels equal\n`,
        );
      });
    }
  }
  return entries;
}

/** Time of an engine's share of the rounds, by its first inference. */
function secondsOf({ runner, loads }: Ready, { warmUp, rounds, repeats }: Schedule): number {
  const { load, firstMask } = loads.at(-1)!;
  return ((firstMask - load) * (runner.spec.isSlow ? repeats : warmUp + rounds * repeats)) / 1000;
}

/** The results so far: of the entries from index `next` on only the times, of repeats that are done. */
function early(
  parts: readonly Part[],
  entries: readonly Entry[],
  outcomes: readonly Outcome[],
  next: number,
): HostResults[] {
  return parts.map(({ results }) => {
    const engines = entries.flatMap(({ part, runner: { spec }, ...rest }, index) => {
      const { samples, fault } = outcomes[index]!;
      const isMeant = index >= next && part.results === results && fault === undefined;
      return isMeant ? [{ ...rest, spec, samples }] : [];
    });
    return { ...results, engines: [...results.engines, ...engines] };
  });
}

function duration(seconds: number): string {
  return seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

/** What is asked of an engine after its last inference. */
async function finish(host: BenchHost, runner: Runner, { frames, sizeOf }: BenchOptions) {
  const { spec } = runner;
  const linearBytes = await runner.linearBytes();
  const files = host.filesOf(spec);
  const isHashed = isExact(spec) && frames.length > 0;
  return {
    spec,
    linearBytes,
    ...(files && { files, bytes: sizeOf(files) }),
    ...(isHashed && { hash: await runner.hash(frames) }),
  };
}

/** Whether a spec is of ours, as it ships. */
function isExact({ engine, agreement }: Spec): boolean {
  return engine === "ours" && agreement === 1;
}

/** Single layers, in browsers only: the engine they are compared with runs nowhere else. */
async function layersOf(part: Part, options: BenchOptions): Promise<void> {
  if (part.host.name !== "chromium") return;
  for (const prepared of options.layers) {
    await attempt(part, prepared.layer.label, options, async () => {
      options.say(`${part.host.name}: ${prepared.layer.label}\n`);
      part.results.layers.push(await measureLayer(part.host, prepared, options));
    });
  }
}

/** Of every build of ours with SIMD that ran on one thread. */
async function rooflinesOf(part: Part, options: BenchOptions): Promise<void> {
  if (options.passes === 0) return;
  for (const { spec } of part.results.engines) {
    if (!isExact(spec) || spec.threads > 1 || spec.variant === "scalar") continue;
    await attempt(part, `roofline of ${spec.label}`, options, async () => {
      part.results.rooflines.push(await part.host.roofline(spec.variant!, options.passes));
    });
  }
}
