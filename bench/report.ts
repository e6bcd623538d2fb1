/** bench/README.md and its charts, made from the raw results alone. */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Model } from "../src/ops.js";
import { median } from "../tools/common/statistics.js";
import { formatMarkdown } from "../tools/common/table.js";
import { LEAD } from "./engines/timed.js";
import { layersSection } from "./layers/report.js";
import type { HostResults, Measured, Results } from "./results.js";
import { rooflineSection } from "./roofline/report.js";
import { quantityOf, round, summarize } from "./statistics.js";
import { barChart } from "./svg.js";
import { verdicts } from "./verdict.js";

const TITLES = { node: "Node", "node-newest": "Newest Node", chromium: "Chromium" } as const;

/** Writes README.md and results/*.svg. @param model the one that was measured */
export function writeReport(results: Results, model: Model, folder: string): void {
  mkdirSync(join(folder, "results"), { recursive: true });
  const save = (name: string, svg: string) => writeFileSync(join(folder, "results", name), svg);
  const parts = [head(results), verdictSection(results, model)];
  // The browser first: it is what most people ask about.
  const hosts = [...results.hosts].sort((a) => (a.host === "chromium" ? -1 : 1));
  for (const host of hosts) parts.push(hostSection(host, save));
  for (const { host, layers } of hosts) {
    if (layers.length === 0) continue;
    const { text, svg } = layersSection(layers, TITLES[host], `layers-${host}.svg`);
    save(`layers-${host}.svg`, svg);
    parts.push(text);
  }
  for (const host of hosts) {
    for (const roofline of host.rooflines) {
      const name = `roofline-${host.host}-${roofline.variant}.svg`;
      const { text, svg } = rooflineSection(
        roofline,
        model,
        `${roofline.variant}, ${TITLES[host.host]}`,
        name,
      );
      save(name, svg);
      parts.push(text);
    }
  }
  writeFileSync(join(folder, "README.md"), `${parts.join("\n\n")}\n`);
}

function head({ date, machine, versions, network, plan, frames }: Results): string {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `# Speed, side by side

Written by \`npm run bench\`, which measures everything anew; do not edit by hand. \`npm run bench -- --quick\` looks
whether all works, \`npm run bench -- --serve 8080\` serves a page that compares in a browser of yours, and \`--help\`
lists the rest. Raw numbers: [results/bench.json](results/bench.json).

- **Machine:** ${machine.cpu}, ${machine.cores} cores (${machine.flags.join(", ")}), ${machine.memoryGB} GB, ${machine.system}; measured on ${date}
- **Network:** ${network.name}, ${(network.macs / 1e6).toFixed(0)} million multiply-accumulates, ${network.parameters.toLocaleString("en")} parameters, 512 x 512 pixels in and out (sha256 ${network.sha256.slice(0, 16)}...)
- **Engines:** ${packages.join(", ")}

How: every engine runs the same network with the same weights, from RGB bytes to a mask of 512 x 512 class ids, with
the upsampling of the logits and argmax; for engines of real numbers the int8 weights are turned back into real
numbers. Before anything is timed, every mask is compared with ours ("equal"): other integer engines use all 8 bits where
ours uses 7 ("8 bits": our own 8), so they differ at edges between classes, as real numbers do. Each engine has a process of its own (in Chromium a
page in a context of its own), in all hosts at once: after ${plan.warmUp} uncounted rounds, each has its turn,
${plan.rounds} times a repeat, repeats: ${plan.repeats}. In its turn an engine (tfjs-cpu excepted) runs for ${LEAD} ms, then one inference is
timed, as in a stream of images. Shown is the median of the repeats' medians, and the least and largest of these. CPU
time is that of all threads of the engine's process, the mean over its turn; wall time is what a user waits. An idle machine
gives steadier numbers; only those of one run may be compared.

Others at their best: LiteRT.js runs its build with relaxed SIMD, int8 is fed float (it takes no int8 tensors), gates
multiply by repetition instead of upsampling, the tail runs on int8; onnxruntime gets 8-bit planes without a quantisation
step, and channels last for the tail; tfjs runs its build with SIMD and gets fused convolutions as a graph model. tfjs
takes at most half of the cores that a browser names, so for its line with threads the browser names twice as many.

Left out: downloading (files come from this machine, the cache is warm), decoding of images, engines on the GPU. What
is timed is an image drawn by code; ${frames > 0 ? `masks of all builds of ours are compared on ${frames} frames of a data set.` : "there were no frames of a data set to compare masks on."}`;
}

/** The targets beside what was measured. */
function verdictSection(results: Results, model: Model): string {
  const rows = verdicts(results, model).map(({ what, target, measured, isMet }) => {
    return [what, target, measured, isMet === undefined ? "-" : isMet ? "met" : "**missed**"];
  });
  const { rounds, repeats } = results.plan;
  return `## Targets

Chromium, one thread and CPU time unless said. ${rounds} rounds a repeat, repeats: ${repeats}. The processor ${
    results.machine.flags.includes("avx_vnni") ? "has" : "lacks"
  } AVX-VNNI, with which
V8 makes one instruction of a relaxed dot product and its sum.

${formatMarkdown(rows, ["what", "target", "measured", ""])}`;
}

type Save = (name: string, svg: string) => void;

function hostSection(host: HostResults, save: Save): string {
  const title = TITLES[host.host];
  const times = [...host.engines].sort((a, b) => time(a) - time(b));
  save(
    `${host.host}.svg`,
    barChart(
      `One inference in ${title}`,
      "milliseconds of CPU time, less is better; lines: medians of the repeats",
      times
        .filter(({ spec }) => !spec.isSlow)
        .map((engine) => {
          const { median: value, spread } = summarize(engine.samples, quantityOf(engine.samples));
          const isOurs = engine.spec.engine === "ours";
          return { label: engine.spec.label, value, range: spread, text: `${round(value)} ms`, isOurs };
        }),
    ),
  );
  const parts = [
    `## ${title}: time of an inference`,
    `${host.version}. ![Bars of CPU time by engine](results/${host.host}.svg)`,
    timesTable(times),
    ratioTable(host.engines),
    `## ${title}: start and memory`,
    startTable(host, save),
  ];
  if (host.leftOut.length > 0) {
    const lines = host.leftOut.map(({ label, reason }) => `- ${label}: ${reason}`);
    parts.push(`Left out in ${title}:\n\n${lines.join("\n")}`);
  }
  return parts.filter((part) => part !== "").join("\n\n");
}

function time({ samples }: Measured): number {
  return summarize(samples, quantityOf(samples)).median;
}

function timesTable(engines: readonly Measured[]): string {
  const rows = engines.map(({ spec, samples, agreement }) => {
    const cpu = summarize(samples, "cpu");
    const wall = summarize(samples, "wall");
    return [
      name(spec),
      round(cpu.median),
      `${round(cpu.spread[0])}-${round(cpu.spread[1])}`,
      round(cpu.min),
      round(wall.median),
      round(wall.min),
      `${(100 * agreement).toFixed(2)} %`,
    ];
  });
  const columns = ["engine", "CPU, ms", "repeats", "least", "wall, ms", "least", "equal"];
  return formatMarkdown(rows, columns);
}

/** How many times the time of ours the others take: CPU time of one thread, wall time of several. */
function ratioTable(engines: readonly Measured[]): string {
  const ours = engines.filter(({ spec }) => spec.engine === "ours" && spec.variant !== "scalar");
  const others = engines.filter(({ spec }) => spec.engine !== "ours");
  if (ours.length === 0 || others.length === 0) return "";
  const rows = others.map((other) => [
    name(other.spec),
    ...ours.map((own) => {
      if (other.spec.threads !== own.spec.threads) return "";
      const quantity = own.spec.threads > 1 ? "wall" : quantityOf(own.samples);
      const ratio = summarize(other.samples, quantity).median / summarize(own.samples, quantity).median;
      return `${ratio.toFixed(2)} x`;
    }),
  ]);
  const caption = "How many times as long the others take (CPU time; with several threads wall time):";
  return `${caption}\n\n${formatMarkdown(rows, ["", ...ours.map(({ spec }) => spec.label)])}`;
}

function startTable({ host, engines }: HostResults, save: Save): string {
  const isBrowser = host === "chromium";
  const rows = engines.map(({ spec, loads, bytes, linearBytes, residentBytes }) => [
    name(spec),
    round(median(loads.map(({ load }) => load))),
    round(median(loads.map(({ firstMask }) => firstMask))),
    megabytes(linearBytes),
    ...(isBrowser
      ? [megabytes(bytes?.raw), megabytes(bytes?.gzip), megabytes(bytes?.brotli)]
      : [megabytes(residentBytes)]),
  ]);
  const last = isBrowser ? ["MB to load, raw", "gzip", "brotli"] : ["MB of the process"];
  const columns = ["engine", "load, ms", "first mask, ms", "linear memory, MB", ...last];
  const note = isBrowser
    ? `Bytes are those of everything fetched for the first mask: JavaScript, WebAssembly and model, each file compressed on
its own. "First mask" counts from nothing (the import of the engine) to the first mask, with a warm cache.
![Bars of megabytes to load](results/bytes.svg)`
    : `"MB of the process" is what the process grew by from before the import to after the first mask. "First mask"
counts from the import of the engine, in a fresh process.`;
  if (isBrowser) {
    const bars = engines
      .map(({ spec, bytes }) => ({ spec, value: (bytes?.brotli ?? 0) / 1e6 }))
      .sort((a, b) => a.value - b.value)
      .map(({ spec, value }) => {
        return { label: spec.label, value, text: `${value.toFixed(2)} MB`, isOurs: spec.engine === "ours" };
      });
    save(
      "bytes.svg",
      barChart("To load before the first mask", "megabytes after brotli, less is better", bars),
    );
  }
  const fetched = engines.flatMap(({ spec, files }) =>
    files ? [`- ${spec.label}: ${files.map((file) => basename(file)).join(", ")}`] : [],
  );
  const list = `<details><summary>Files fetched</summary>\n\n${fetched.join("\n")}\n\n</details>`;
  return [note, formatMarkdown(rows, columns), ...(fetched.length > 0 ? [list] : [])].join("\n\n");
}

function name({ label, engine }: Measured["spec"]): string {
  return engine === "ours" ? `**${label}**` : label;
}

function megabytes(bytes = 0): string {
  return bytes > 0 ? (bytes / 1e6).toFixed(2) : "-";
}
