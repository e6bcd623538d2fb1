/** What of attendseg works on this machine, and what is missing for which command. */
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { openEngine } from "../../src/engines/inline.js";
import { Segmenter, type SegmenterInfo } from "../../src/index.js";
import { noThreads } from "../../src/isolation.js";
import { VARIANTS, type Variant } from "../../src/variant.js";
import { messageOf } from "../common/errors.js";
import { readBytes } from "../common/files.js";
import { defaultModel, packageVersion } from "../common/package.js";
import { median } from "../common/statistics.js";
import { drawStreet } from "../sample/index.js";

/** Times that the street is segmented to tell the speed, after one to warm up. */
const RUNS = 5;

/** What `examine` finds; keys of `attendseg doctor --json`. */
export interface Diagnosis {
  readonly version: string;
  readonly node: string;
  readonly machine: string;
  /** Builds of the engine: whether each passes its self-test here, or why not. */
  readonly builds: readonly { readonly name: Variant; readonly fault?: string }[];
  /** The build that is used. */
  readonly variant?: Variant | "javascript";
  /** The dot product that it has here. */
  readonly dotProduct?: SegmenterInfo["dotProduct"];
  /** Why there can be no threads. */
  readonly noThreads?: string;
  /** The model that comes along on the drawn street of 960x720, milliseconds. */
  readonly milliseconds?: number;
  /** Why that did not work. */
  readonly fault?: string;
  /** What is not installed along, and what it is for. */
  readonly optional: readonly { readonly name: string; readonly use: string; readonly isThere: boolean }[];
}

const PACKAGES = [
  ["onnxruntime-web", "convert (float models), compare"],
  ["sharp", "AVIF, GIF, TIFF, CMYK JPEG"],
  ["heic-decode", "HEIC"],
] as const;

/** Tries everything once. */
export async function examine(): Promise<Diagnosis> {
  const builds: { name: Variant; fault?: string }[] = [];
  for (const name of VARIANTS) {
    const fault = await openEngine(name).then(() => undefined, messageOf);
    builds.push(fault === undefined ? { name } : { name, fault });
  }
  const blocked = noThreads();
  const optional = PACKAGES.map(([name, use]) => ({ name, use, isThere: isInstalled(name) }));
  const ffmpeg =
    spawnSync("ffprobe", ["-version"]).status === 0 && spawnSync("ffmpeg", ["-version"]).status === 0;
  return {
    version: packageVersion(),
    node: process.version,
    machine: `${process.platform} ${process.arch}, ${availableParallelism()} cores (${cpus()[0]?.model.trim()})`,
    builds,
    ...(blocked !== undefined && { noThreads: blocked }),
    ...(await timeStreet()),
    optional: [...optional, { name: "ffmpeg", use: "segment a video", isThere: ffmpeg }],
  };
}

async function timeStreet(): Promise<Pick<Diagnosis, "variant" | "dotProduct" | "milliseconds" | "fault">> {
  try {
    using segmenter = await Segmenter.load(readBytes(defaultModel()));
    const street = drawStreet();
    const times = Array.from({ length: RUNS + 1 }, () => {
      const start = performance.now();
      segmenter.segment(street);
      return performance.now() - start;
    });
    const { variant, info } = segmenter;
    return { variant, dotProduct: info.dotProduct, milliseconds: median(times.slice(1)) };
  } catch (error) {
    return { fault: messageOf(error) };
  }
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}
