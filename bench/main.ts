/** The benchmark's command line: see HELP. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { modelInfo } from "../src/info.js";
import { plan } from "../src/plan.js";
import { type BenchOptions, benchHost } from "./bench.js";
import { chromiumHost } from "./chromium.js";
import { allSpecs } from "./engines/specs.js";
import { packageVersions, thisMachine } from "./machine.js";
import { nodeHost } from "./node.js";
import { prepare, SIDE } from "./prepare.js";
import { writeReport } from "./report.js";
import type { HostResults, Results } from "./results.js";
import { serve } from "./server.js";
import { sizeOf } from "./sizes.js";

const HELP = `Usage: npm run bench -- [options]

Compares this library with other engines on the same network, and writes bench/README.md with all pictures and the raw
results beside it.

  --quick            few rounds of a few engines, as a check that all works; writes to bench/out/quick
  --host NAME        node or chromium (default: both)
  --engines A,B      only these, by name (see bench/engines/specs.ts)
  --model FILE       default: models/attendseg-camvid.aseg
  --rounds N         inferences of each engine in a repeat (default: 15)
  --repeats N        (default: 3)
  --threads N        of engines with threads (default: 2)
  --serve PORT       only serve the page that compares in a browser of yours
  --report           only write the report anew from the raw results
`;

/** Engines of a quick run. */
const QUICK = ["ours-simd", "ours-relaxed", "litert-int8", "tfjs-wasm", "ort-web-u8", "ort-node-f32"];

const OUT = join(import.meta.dirname, "..");
const SITE = join(OUT, "site");
const BENCH = join(OUT, "..");

const say = (text: string) => process.stderr.write(text);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      host: { type: "string" },
      engines: { type: "string" },
      model: { type: "string", default: join(BENCH, "../models/attendseg-camvid.aseg") },
      rounds: { type: "string" },
      repeats: { type: "string" },
      threads: { type: "string", default: "2" },
      serve: { type: "string" },
      report: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const folder = values.quick ? join(OUT, "quick") : BENCH;
  const raw = join(folder, "results/bench.json");
  if (values.report) {
    writeReport(JSON.parse(readFileSync(raw, "utf8")), await readModel(values.model), folder);
    return;
  }
  const prepared = await prepare(resolve(values.model), join(SITE, "files"));
  if (values.serve !== undefined) {
    const { url } = await serve(SITE, () => {}, Number(values.serve));
    say(`Open ${url} - Ctrl+C ends it.\n`);
    return;
  }
  const names = values.engines?.split(",") ?? (values.quick ? QUICK : undefined);
  const specs = allSpecs(whole("threads", values.threads)).filter(
    ({ name }) => names?.includes(name) ?? true,
  );
  const options: BenchOptions = {
    plan: {
      rounds: whole("rounds", values.rounds ?? (values.quick ? "2" : "15")),
      repeats: whole("repeats", values.repeats ?? (values.quick ? "1" : "3")),
      warmUp: values.quick ? 1 : 5,
    },
    loads: values.quick ? 1 : 3,
    passes: values.quick ? 3 : 60,
    mask: prepared.mask,
    sizeOf: (paths) => sizeOf(SITE, paths, join(OUT, "sizes"), values.quick ? 4 : 11),
    say,
  };
  const hosts: HostResults[] = [];
  for (const name of ["node", "chromium"] as const) {
    if ((values.host ?? name) !== name) continue;
    const host = name === "node" ? nodeHost() : await chromiumHost();
    if (!host) {
      say("No Chromium found: set CHROMIUM to its program, or install it. Its part is left out.\n");
      continue;
    }
    try {
      const own = specs.filter((spec) => spec.hosts.includes(name));
      hosts.push(await benchHost(host, own, options));
    } finally {
      await host.close();
    }
  }
  const { macs, parameters } = modelInfo(prepared.model, plan(prepared.model, SIDE, SIDE));
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    machine: thisMachine(),
    versions: packageVersions(BENCH),
    network: { name: prepared.model.card.name, sha256: prepared.sha256, macs, parameters },
    plan: options.plan,
    hosts,
  };
  mkdirSync(join(folder, "results"), { recursive: true });
  writeFileSync(raw, `${JSON.stringify(results, round, 1)}\n`);
  writeReport(results, prepared.model, folder);
  say(`Wrote ${join(folder, "README.md")}\n`);
  // A build of ours that a host cannot run is no fault; anything else that was left out is.
  const failed = hosts
    .flatMap(({ leftOut }) => leftOut)
    .filter(({ reason }) => !/cannot run the variant|threads/.test(reason));
  if (failed.length > 0) process.exitCode = 1;
}

async function readModel(path: string) {
  const { parseModel } = await import("../src/model.js");
  return parseModel(new Uint8Array(readFileSync(path)));
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
  say(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
