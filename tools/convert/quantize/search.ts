/** The choice between ways to quantize a float model, by what its logits lose. */
import type { Engine } from "../../../src/engine.js";
import type { Graph } from "../graph.js";
import { assign } from "./assign.js";
import { correctBias } from "./bias.js";
import type { Calibration } from "./calibrate.js";
import { rangesOf } from "./derive.js";
import {
  channelFactors,
  EQUALIZATIONS,
  type Equalization,
  equalize,
  scalableGroups,
  scaledName,
} from "./equalize.js";
import type { Quantization } from "./numbers.js";
import type { Histogram, Method } from "./ranges.js";
import { METHODS } from "./ranges.js";
import { type LogitsDifference, logitsDifference } from "./sqnr.js";

/**
 * Share of pixels that 7 bits may cost where nobody asked for them, and decibels that they must reach: images that one
 * class covers would hide any noise.
 */
const PRICE = 0.001;
const ENOUGH = 20;

export type Bits = 7 | 8;

/** A way to quantize a model. */
export interface Way {
  /** 7: activations in 0..127, legal for every kernel on every host; 8: in -128..127. */
  readonly bits: Bits;
  /** How ranges are chosen. */
  readonly method: Method;
  /** How channels between convolutions are scaled to like sizes. */
  readonly equalization: Equalization;
  /** Bits of logits that a convolution gives; default: 13. */
  readonly logitBits?: 8 | 13;
}

/** A way that was tried, and what it costs. */
export interface Trial extends Way, LogitsDifference {}

/** What is asked for; what is left open is tried. */
export interface Request {
  readonly bits?: Bits;
  readonly method?: Method;
  readonly logitBits?: 8 | 13;
}

/** A graph and the quantization of its tensors. */
export interface Prepared {
  readonly graph: Graph;
  readonly quantizations: ReadonlyMap<string, Quantization>;
  /** Of the channels of equalized tensors, by their names in the graph as it was. */
  readonly factors: ReadonlyMap<string, Float64Array>;
}

/**
 * Tries methods and equalization with 8 bits, or as many as are asked for, and the best of both once more with the
 * other number of bits.
 *
 * @param load an engine with the model that is made of what a way prepares
 * @param onTrial is told how many ways are tried by now, of how many at most
 * @returns all trials, the one to use first: of most decibels, with 7 bits only where they are asked for, or reach
 *   20 dB and cost less than 0.1 points of the pixels
 */
export function search(
  graph: Graph,
  calibration: Calibration,
  requested: Request,
  load: (prepared: Prepared) => Engine,
  onTrial: (done: number, total: number) => void,
): Trial[] {
  const methods = requested.method ? [requested.method] : METHODS;
  const canEqualize = scalableGroups(graph).length > 0;
  const total = methods.length * (canEqualize ? EQUALIZATIONS.length : 1) + 1;
  const trials: Trial[] = [];
  const attempt = (way: Way): Trial => {
    const trial = {
      ...way,
      ...logitsDifference(load(prepare(graph, calibration, way)), calibration.samples),
    };
    trials.push(trial);
    onTrial(trials.length, total);
    return trial;
  };
  const { bits = 8, logitBits = 13 } = requested;
  for (const equalization of canEqualize ? EQUALIZATIONS : (["none"] as const)) {
    for (const method of methods) attempt({ bits, method, equalization, logitBits });
  }
  const best = trials.reduce((a, b) => (b.decibels > a.decibels ? b : a));
  const other = attempt({ ...best, bits: bits === 8 ? 7 : 8 });
  const isCheap =
    requested.bits === undefined && other.agreement >= best.agreement - PRICE && other.decibels >= ENOUGH;
  const chosen = isCheap ? other : best;
  return [chosen, ...trials.filter((trial) => trial !== chosen)];
}

/** The graph as a way changes it, and the quantization of its tensors. */
export function prepare(
  graph: Graph,
  { observers }: Calibration,
  { bits, method, equalization, logitBits }: Way,
): Prepared {
  const ranges = scalableGroups(graph)
    .flat()
    .flatMap((tensor) => {
      const largest = observers.get(tensor)?.largest();
      return largest ? [[tensor, largest] as const] : [];
    });
  const factors =
    equalization === "none"
      ? new Map<string, Float64Array>()
      : channelFactors(graph, new Map(ranges), equalization);
  const histograms = new Map<string, Histogram>();
  const means = new Map<string, Float64Array>();
  for (const [tensor, observer] of observers) {
    histograms.set(tensor, observer.histogram());
    means.set(tensor, observer.means());
  }
  for (const [tensor, scale] of factors) {
    const observer = observers.get(tensor);
    if (!observer) continue;
    histograms.set(scaledName(tensor), observer.histogram(scale));
    means.set(
      scaledName(tensor),
      observer.means().map((mean, c) => mean * scale[c]!),
    );
  }
  const changed = correctBias(equalize(graph, factors), means);
  const quantizations = assign(changed, rangesOf(changed, histograms, method), bits, logitBits);
  return { graph: changed, quantizations, factors };
}
