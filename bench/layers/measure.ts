/** Times one layer on every engine that can be compared on it: see cases.ts for how. */

import { median } from "../../tools/common/statistics.js";
import type { Spec } from "../engines/engine.js";
import { interleave, type Schedule } from "../interleave.js";
import { type Ready, ready } from "../ready.js";
import type { BenchHost } from "../runner.js";
import type { Samples } from "../statistics.js";
import { COUNT, macsOf } from "./cases.js";
import type { PreparedLayer } from "./prepare.js";

/** The engines, by the label and the fields that tell them apart. Integers of all, one thread. */
const ENGINES = [
  { label: "attendseg simd", engine: "ours", variant: "simd", ending: "aseg" },
  { label: "attendseg relaxed", engine: "ours", variant: "relaxed", ending: "aseg" },
  { label: "LiteRT.js int8", engine: "litert", ending: "tflite" },
] as const;

/** Random weights make logits that lie close together, so fewer pixels agree than of a trained network. */
const AGREEMENT = 0.9;

export interface LayerResult {
  readonly label: string;
  /** Multiply-accumulates of one layer. */
  readonly macs: number;
  readonly engines: readonly {
    readonly label: string;
    readonly many: Samples;
    readonly one: Samples;
    /** Share of pixels equal to ours, the lesser of both networks. */
    readonly agreement: number;
  }[];
}

/** Milliseconds of wall time of one layer: the median over the repeats of the difference of medians. */
export function layerTime({ many, one }: Pick<LayerResult["engines"][number], "many" | "one">): number {
  const wall = (repeat: Samples[number]) => median(repeat.map((times) => times.wall));
  return median(many.map((repeat, index) => (wall(repeat) - wall(one[index]!)) / (COUNT - 1)));
}

/** @throws Error if an engine does not load, computes wrong masks or fails on the way */
export async function measureLayer(
  host: BenchHost,
  { layer, networks }: PreparedLayer,
  { plan }: { plan: Schedule },
): Promise<LayerResult> {
  const all: Ready[] = [];
  try {
    for (const { ending, ...engine } of ENGINES) {
      for (const { file, mask } of [networks.many, networks.one]) {
        const spec: Spec = {
          name: `${file}-${engine.label}`,
          numbers: "s8",
          threads: 1,
          hosts: [host.name],
          files: [`${file}.${ending}`],
          image: `layer-${layer.side}.rgb`,
          side: layer.side,
          agreement: engine.engine === "ours" ? 1 : AGREEMENT,
          ...engine,
        };
        all.push(await ready(host, spec, { loads: 0, mask }));
      }
    }
    const outcomes = await interleave(
      all.map(({ runner }) => runner),
      plan,
    );
    const fault = outcomes.find((outcome) => outcome.fault !== undefined)?.fault;
    if (fault !== undefined) throw new Error(fault);
    const engines = ENGINES.map(({ label }, index) => ({
      label,
      many: outcomes[2 * index]!.samples,
      one: outcomes[2 * index + 1]!.samples,
      agreement: Math.min(all[2 * index]!.agreement, all[2 * index + 1]!.agreement),
    }));
    return { label: layer.label, macs: macsOf(layer), engines };
  } finally {
    for (const { runner } of all) await runner.close();
  }
}
