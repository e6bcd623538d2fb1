/** The choice between ways to quantize a float model, by what its logits lose. */
import type { Engine } from "../../../src/engine.js";
import type { Graph } from "../graph.js";
import { assign } from "./assign.js";
import { correctBias } from "./bias.js";
import type { Calibration } from "./calibrate.js";
import { rangesOf } from "./derive.js";
import { channelFactors, equalize, scalableTensors, scaledName } from "./equalize.js";
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
  /** Whether channels between convolutions are scaled to like sizes. */
  readonly isEqualized: boolean;
}

/** A way that was tried, and what it costs. */
export interface Trial extends Way, LogitsDifference {}

/** What is asked for; what is left open is tried. */
export interface Request {
  readonly bits?: Bits;
  readonly method?: Method;
}

/** A graph and the quantization of its tensors. */
export interface Prepared {
  readonly graph: Graph;
  readonly quantizations: ReadonlyMap<string, Quantization>;
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
  const canEqualize = scalableTensors(graph).size > 0;
  const total = methods.length * (canEqualize ? 2 : 1) + 1;
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
  const bits = requested.bits ?? 8;
  for (const isEqualized of canEqualize ? [false, true] : [false]) {
    for (const method of methods) attempt({ bits, method, isEqualized });
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
  { bits, method, isEqualized }: Way,
): Prepared {
  const ranges = [...scalableTensors(graph)].flatMap((tensor) => {
    const largest = observers.get(tensor)?.largest();
    return largest ? [[tensor, largest] as const] : [];
  });
  const factors = isEqualized ? channelFactors(new Map(ranges)) : new Map<string, Float64Array>();
  const histograms = new Map<string, Histogram>();
  const means = new Map<string, Float64Array>();
  for (const [tensor, observer] of observers) {
    histograms.set(tensor, observer.histogram());
    means.set(tensor, observer.means());
  }
  for (const [tensor, scale] of factors) {
    const observer = observers.get(tensor)!;
    histograms.set(scaledName(tensor), observer.histogram(scale));
    means.set(
      scaledName(tensor),
      observer.means().map((mean, c) => mean * scale[c]!),
    );
  }
  const changed = correctBias(equalize(graph, factors), means);
  return { graph: changed, quantizations: assign(changed, rangesOf(changed, histograms, method), bits) };
}
