/** The benchmark's command line: see HELP. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { modelInfo } from "../src/info.js";
import { parseModel } from "../src/model.js";
import { plan } from "../src/plan.js";
import { isFolder, makeFolder, readBytes, readText, writeBytes } from "../tools/common/files.js";
import { bench } from "./bench.js";
import { chromiumHost } from "./chromium.js";
import type { HostName, Spec } from "./engines/engine.js";
import { allSpecs } from "./engines/specs.js";
import { oneLine, type Schedule } from "./interleave.js";
import { packageVersions, thisMachine } from "./machine.js";
import { newestNodeHost, nodeHost } from "./node.js";
import { prepare, SIDE } from "./prepare.js";
import { writeReport } from "./report.js";
import type { Results } from "./results.js";
import type { BenchHost } from "./runner.js";
import { serve } from "./server.js";
import { sizeOf } from "./sizes.js";

const HELP = `Usage: npm run bench -- [options]

Compares this library with other engines on the same network, and writes bench/README.md with all charts and the raw
results beside it, about ten minutes later. With --quick, --host or --only it writes to bench/out/part instead.

  --quick            few rounds of a few engines, as a check that all works
  --host NAME        node, node-newest or chromium (default: all that there are, in the same rounds)
  --only A,B         only these engines, by name (see bench/engines/specs.ts)
  --model FILE       default: models/attendseg-camvid.aseg
  --rounds N         inferences of each engine in a repeat (default: 15)
  --repeats N        (default: 3)
  --threads N        of engines with threads (default: 2)
  --frames DIR       20 images of it go through every build of ours (default: ../shared/camvid, where it is there)
  --serve PORT       only serve the page that compares in a browser of yours
  --report FILE      only write the report anew, from raw results: bench/results/bench.json, or
                     bench/out/partial.json, which a run that is ended leaves behind

Examples:
  npm run bench -- --quick
  npm run bench -- --host chromium --only ours-simd,litert-int8 --rounds 5 --repeats 1
`;

/** Engines of a quick run. */
const QUICK = ["ours-simd", "ours-relaxed", "litert-int8", "tfjs-wasm", "ort-web-u8", "ort-node-f32"];

const OUT = join(import.meta.dirname, "..");
const SITE = join(OUT, "site");
const BENCH = join(OUT, "..");
/** Results so far of the run that is under way. */
const PARTIAL = join(OUT, "partial.json");
const FRAMES = join(BENCH, "../../shared/camvid/701_StillsRaw_full");
const FRAME_COUNT = 20;

const OPTIONS = {
  quick: { type: "boolean", default: false },
  host: { type: "string" },
  only: { type: "string" },
  model: { type: "string", default: join(BENCH, "../models/attendseg-camvid.aseg") },
  rounds: { type: "string" },
  repeats: { type: "string" },
  threads: { type: "string", default: "2" },
  frames: { type: "string" },
  serve: { type: "string" },
  report: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

const say = (text: string) => process.stderr.write(text);

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  const folder = values.quick || values.host || values.only ? join(OUT, "part") : BENCH;
  if (values.help) process.stdout.write(HELP);
  else if (values.report !== undefined) {
    const results: Results = JSON.parse(readText(values.report));
    writeReport(results, parseModel(readBytes(values.model)), folder);
  } else if (values.serve !== undefined) {
    await prepare(resolve(values.model), join(SITE, "files"));
    const { url } = await serve(SITE, () => {}, Number(values.serve));
    say(`Open ${url} - Ctrl+C ends it.\n`);
  } else await run(values, folder);
}

/** Measures, and writes the results and the report into a folder. */
async function run(values: Values, folder: string): Promise<void> {
  const isQuick = values.quick;
  const timing: Schedule = {
    rounds: whole("rounds", values.rounds ?? (isQuick ? "2" : "15")),
    repeats: whole("repeats", values.repeats ?? (isQuick ? "1" : "3")),
    warmUp: isQuick ? 1 : 5,
  };
  const all = allSpecs(whole("threads", values.threads));
  const specs = choose(all, values.only?.split(",") ?? (isQuick ? QUICK : undefined));
  const hosts = await openHosts(values.host);
  try {
    say("writing the networks\n");
    const source = values.frames ?? (isFolder(FRAMES) ? FRAMES : undefined);
    const count = isQuick ? 2 : FRAME_COUNT;
    const { model, sha256, mask, layers, frames } = await prepare(
      resolve(values.model),
      join(SITE, "files"),
      source === undefined ? undefined : { folder: source, count },
    );
    const { macs, parameters } = modelInfo(model, plan(model, SIDE, SIDE));
    const facts: Omit<Results, "hosts"> = {
      date: new Date().toISOString().slice(0, 10),
      machine: thisMachine(),
      versions: packageVersions(BENCH),
      network: { name: model.metadata.name, sha256, macs, parameters },
      plan: timing,
      frames: frames.length,
    };
    const measured = await bench(hosts, specs, {
      plan: timing,
      loads: isQuick ? 1 : 3,
      passes: isQuick ? 3 : 60,
      mask,
      frames,
      layers,
      sizeOf: (paths) => sizeOf(SITE, paths, join(OUT, "sizes"), isQuick ? 4 : 11),
      say,
      save: (soFar) => write(PARTIAL, { ...facts, hosts: soFar }),
    });
    makeFolder(join(folder, "results"));
    write(join(folder, "results/bench.json"), { ...facts, hosts: measured });
    writeReport({ ...facts, hosts: measured }, model, folder);
    say(`Wrote ${join(folder, "README.md")}\n`);
    // A build of ours that a host cannot run is no fault; anything else that was left out is.
    const reasons = measured.flatMap(({ leftOut }) => leftOut).map(({ reason }) => reason);
    if (reasons.some((reason) => !/cannot run the variant|threads/.test(reason))) process.exitCode = 1;
  } finally {
    for (const host of hosts) await host.close();
  }
}

/** @throws Error for a name that there is not */
function choose(specs: readonly Spec[], names?: readonly string[]): readonly Spec[] {
  const known = specs.map(({ name }) => name);
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--only: no engine "${unknown}", there are ${known.join(", ")}`);
  return specs.filter(({ name }) => names?.includes(name) ?? true);
}

/** @throws Error for a name that there is not, or if there is no host */
async function openHosts(requested?: string): Promise<BenchHost[]> {
  const known = { node: nodeHost, "node-newest": newestNodeHost, chromium: chromiumHost };
  const names = Object.keys(known) as HostName[];
  if (requested !== undefined && !names.includes(requested as HostName)) {
    throw new Error(`--host expected one of ${names.join(", ")}, got "${requested}"`);
  }
  const hosts: BenchHost[] = [];
  for (const name of names.filter((each) => requested === undefined || each === requested)) {
    try {
      hosts.push(await known[name]());
    } catch (error) {
      if (requested !== undefined) throw error;
      say(`${oneLine(error)}: its part is left out\n`);
    }
  }
  return hosts;
}

function write(path: string, results: Results): void {
  writeBytes(path, new TextEncoder().encode(`${JSON.stringify(results, round, 1)}\n`));
}

/** Microseconds are enough. */
function round(_: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1e4) / 1e4 : value;
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} expected a whole number, got "${text}"`);
  return value;
}

try {
  await main();
} catch (error) {
  say(`bench: ${oneLine(error)}\n`);
  process.exitCode = 1;
}
