/** What the engine has to reach, and what a run measured: one line for each target. */
import type { Model } from "../src/ops.js";
import { median } from "../tools/common/statistics.js";
import type { HostName } from "./engines/engine.js";
import { layerTime } from "./layers/measure.js";
import type { Measured, Results } from "./results.js";
import { shareOfPeak } from "./roofline/ops.js";
import { quantityOf, summarize } from "./statistics.js";

export interface Verdict {
  readonly what: string;
  readonly target: string;
  /** As shown; "not measured" where the run left something out. */
  readonly measured: string;
  readonly isMet: boolean | undefined;
}

/** A target that is a number; `value` is NaN where it was not measured. */
interface Target {
  readonly what: string;
  readonly least?: number;
  readonly most?: number;
  readonly unit: string;
  readonly value: number;
}

/** How many times as fast a build of ours has to be as others in the same host, on one thread: the fastest of them. */
const FASTER: readonly {
  readonly host: HostName;
  readonly build: string;
  readonly others: readonly string[];
  readonly what: string;
  readonly least: number;
}[] = [
  {
    host: "chromium",
    build: "ours-relaxed",
    others: ["litert-int8"],
    what: "relaxed against LiteRT.js int8",
    least: 2.8,
  },
  {
    host: "chromium",
    build: "ours-relaxed",
    others: ["tfjs-wasm"],
    what: "relaxed against tfjs-wasm f32",
    least: 5.5,
  },
  {
    host: "chromium",
    build: "ours-simd",
    others: ["litert-int8-simd"],
    what: "simd against LiteRT.js int8 without relaxed SIMD",
    least: 1.5,
  },
  {
    host: "chromium",
    build: "ours-simd",
    others: ["tfjs-wasm"],
    what: "simd against tfjs-wasm f32",
    least: 3.6,
  },
  {
    host: "node-newest",
    build: "ours-relaxed",
    others: ["ort-node-f32", "ort-node-u8", "ort-node-s8"],
    what: "relaxed against native onnxruntime in its best form, newest Node",
    least: 1.4,
  },
];

/** Frames on which masks have to be equal; builds of ours, with those of two threads. */
const FRAMES = 20;
const BUILDS = 5;

/** Least ratio to LiteRT.js int8 on a single layer, by what its label begins with. */
const LAYERS = [
  ["depthwise 3x3,", 1.8],
  ["depthwise 3x3 /2,", 1.5],
] as const;

/** All targets, in the order of the report. @param model the one that was measured */
export function verdicts(results: Results, model: Model): Verdict[] {
  const chromium = results.hosts.find(({ host }) => host === "chromium");
  const targets: Target[] = [];
  const engine = (name: string, place: HostName = "chromium") => {
    const found = results.hosts.find(({ host }) => host === place);
    return found?.engines.find(({ spec }) => spec.name === name);
  };
  for (const { host, build, others, what, least } of FASTER) {
    const value = fastest(others.map((name) => cpu(engine(name, host)))) / cpu(engine(build, host));
    targets.push({ what, least, unit: " x", value });
  }
  for (const host of ["chromium", "node-newest"] as const) {
    const value = cpu(engine("ours-relaxed-8bit", host)) / cpu(engine("ours-relaxed", host));
    targets.push({ what: `relaxed, 8 bits against 7, ${host}`, most: 1.05, unit: " x", value });
  }
  const simd = chromium?.rooflines.find(({ variant }) => variant === "simd");
  const share = simd ? 100 * shareOfPeak(model, simd, "pointwise", 512) : Number.NaN;
  targets.push({ what: "pointwise, simd, of the peak of dot_i16x8", least: 65, unit: " %", value: share });
  for (const [start, least] of LAYERS) {
    const layer = chromium?.layers.find(({ label }) => label.startsWith(start));
    const time = (label: string) => {
      const found = layer?.engines.find((candidate) => candidate.label === label);
      return found ? layerTime(found) : Number.NaN;
    };
    for (const build of ["simd", "relaxed"]) {
      const value = time("LiteRT.js int8") / time(`attendseg ${build}`);
      const what = `${layer?.label ?? start} ${build} against LiteRT.js int8`;
      targets.push({ what, least, unit: " x", value });
    }
  }
  for (const build of ["simd", "relaxed"]) {
    const value = wall(engine(`ours-${build}`)) / wall(engine(`ours-${build}-2`));
    targets.push({ what: `two threads against one, ${build}, wall time`, least: 1.8, unit: " x", value });
  }
  const ours = (chromium?.engines ?? []).filter(({ spec }) => spec.engine === "ours" && spec.threads === 1);
  const rivals = (chromium?.engines ?? []).filter(({ spec }) => spec.engine !== "ours");
  const bytes = Math.max(...ours.map((one) => one.bytes?.brotli ?? Number.NaN), ...none(ours));
  targets.push(
    { what: "bytes to the first mask, brotli", most: 1.0, unit: " MB", value: bytes / 1e6 },
    {
      what: "bytes against the smallest rival",
      least: 2,
      unit: " x less",
      value: fastest(rivals.map((rival) => rival.bytes?.brotli ?? Number.NaN)) / bytes,
    },
    {
      what: "time to the first mask, of the fastest rival's",
      most: 50,
      unit: " %",
      value: (100 * fastest(ours.map(firstMask))) / fastest(rivals.map(firstMask)),
    },
    {
      what: "linear memory",
      most: 3.74,
      unit: " MB",
      value: Math.max(...ours.map(({ linearBytes }) => linearBytes ?? Number.NaN), ...none(ours)) / 1e6,
    },
  );
  return [...targets.map(compare), sameMasks(results)];
}

function compare({ what, least, most, unit, value }: Target): Verdict {
  const target = least !== undefined ? `at least ${least}${unit}` : `at most ${most}${unit}`;
  if (!Number.isFinite(value)) return { what, target, measured: "not measured", isMet: undefined };
  const isMet = least !== undefined ? value >= least : value <= most!;
  return { what, target, measured: `${value.toFixed(2)}${unit}`, isMet };
}

/** Builds of ours, on one and two threads, in every host; met only where all of them saw as many frames as asked for. */
function sameMasks({ hosts, frames }: Results): Verdict {
  const what = "masks of all builds, one and two threads";
  const target = `byte-identical on ${FRAMES} frames`;
  const hashed = hosts.flatMap(({ engines }) => engines).filter(({ hash }) => hash !== undefined);
  const names = [...new Set(hashed.map(({ spec }) => spec.name.slice(5)))];
  if (names.length < 2) return { what, target, measured: "not measured", isMet: undefined };
  const different = new Set(hashed.map(({ hash }) => hash)).size;
  const outcome = different === 1 ? "identical" : `${different} different`;
  const isComplete = frames >= FRAMES && names.length === BUILDS;
  return {
    what,
    target,
    measured: `${outcome} on ${frames} frames: ${names.join("; ")}`,
    isMet: different > 1 ? false : isComplete || undefined,
  };
}

/** The least number; NaN of none. */
function fastest(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length > 0 ? Math.min(...known) : Number.NaN;
}

/** So that the largest of nothing is not a number. */
function none(list: readonly unknown[]): number[] {
  return list.length === 0 ? [Number.NaN] : [];
}

function cpu(engine?: Measured): number {
  return engine ? summarize(engine.samples, quantityOf(engine.samples)).median : Number.NaN;
}

function wall(engine?: Measured): number {
  return engine ? summarize(engine.samples, "wall").median : Number.NaN;
}

function firstMask({ loads }: Measured): number {
  return median(loads.map((times) => times.firstMask));
}
