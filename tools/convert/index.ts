/** The converter: an ONNX file, float or quantised (QDQ), becomes a model file. */

import { createHash } from "node:crypto";
import type { Color } from "../../src/card.js";
import { ModelError } from "../../src/errors.js";
import { type Model, parseModel } from "../../src/model.js";
import { assign } from "./assign.js";
import { build } from "./build.js";
import { calibrate, openFloat, type Pictures, sharedTensors, toFloats } from "./calibrate.js";
import { makeCard } from "./card.js";
import { rangesOf } from "./derive.js";
import { ConvertError } from "./errors.js";
import type { Graph } from "./graph.js";
import { type Loaded, loadGraph } from "./load.js";
import { scoreNoise, type TensorNoise, tensorNoise } from "./measure.js";
import type { Bounds, Quantization } from "./numbers.js";
import { lower } from "./passes/index.js";
import { METHODS, type Method } from "./ranges.js";
import { strideOf } from "./stride.js";
import { writeModel } from "./write.js";

export { ConvertError } from "./errors.js";
export { exportQdq } from "./export.js";
export { writeModel } from "./write.js";

/** Pictures that the errors of the methods are measured on. */
const MEASURED = 4;
const VERSION = "0.1.0";
const NO_NORMALISATION = { mean: [0, 0, 0], std: [1, 1, 1] };

/** An ONNX file. The folder is where its external data lies. */
export type Source = Uint8Array | { readonly bytes: Uint8Array; readonly folder: string };

/** Options of `convert`. */
export interface ConvertOptions {
  /** rgb [height][width][3] at the size of the network's input, each 0..255. Needed for a float model. */
  readonly calibration?: Pictures;
  /** 7 (default): activations in 0..127, legal for every kernel; 8: in -128..127. */
  readonly activationBits?: 7 | 8;
  readonly classes?: readonly string[];
  readonly palette?: readonly Color[];
  /** Input size in pixels where the file leaves it open; the default size of the model file. */
  readonly size?: { readonly width: number; readonly height: number };
  /** What the network expects taken off each colour, and divided by, where a picture is 0..1. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Name on the card. */
  readonly name?: string;
  /** File name for the provenance. */
  readonly sourceName?: string;
  /** Output to keep, if the file has several; the first by default. */
  readonly output?: string;
  /** Method to choose ranges with; by default the one with the least error. */
  readonly method?: Method;
  /** `done` of `total` steps of a part; `total` is 0 where it is not known. */
  readonly onProgress?: (part: "calibrate" | "measure", done: number, total: number) => void;
}

/** What `convert` has to tell. */
export interface ConvertReport {
  readonly kind: "float" | "quantized";
  readonly opset: number;
  readonly nodes: number;
  readonly operations: number;
  readonly pictures: number;
  /** The method that was used, and the signal to noise of the scores in decibels with each that was tried. */
  readonly method?: Method;
  readonly methods: readonly { readonly method: Method; readonly decibels: number }[];
  /** Worst first; empty for a quantised file. */
  readonly tensors: readonly TensorNoise[];
  /** What could not be kept exactly. */
  readonly notes: readonly string[];
}

export interface Converted {
  readonly model: Model;
  readonly bytes: Uint8Array;
  readonly report: ConvertReport;
}

/**
 * Converts an ONNX file.
 *
 * @throws ConvertError if the file is damaged or holds what is not supported; the message names the node
 */
export async function convert(source: Source, options: ConvertOptions = {}): Promise<Converted> {
  const { bytes, folder } = source instanceof Uint8Array ? { bytes: source, folder: undefined } : source;
  const loaded = loadGraph(bytes, { ...options.size, ...defined({ folder, output: options.output }) });
  const graph = lower(loaded.graph, options);
  const isFloat = graph.quantization.size === 0;
  const base = { opset: loaded.opset, nodes: loaded.model.nodes.length };
  const make = (quantizations: ReadonlyMap<string, Quantization>, notes: string[]): Converted["model"] =>
    makeModel(graph, loaded, quantizations, options, bytes, notes);
  if (!isFloat) {
    const notes: string[] = [];
    const ranges = rangesOf(graph, new Map(), "min-max");
    const derive = (tensor: string, levels: number): Bounds | undefined => {
      notes.push(
        `tensor "${tensor}" is not quantised in the file: its range follows from what it is made of`,
      );
      return ranges(tensor, levels);
    };
    const model = make(assign(graph, derive, 8), notes);
    const report = {
      ...base,
      kind: "quantized",
      operations: model.ops.length,
      pictures: 0,
      methods: [],
      tensors: [],
      notes,
    };
    return { ...finish(model), report: report as ConvertReport };
  }
  if (!options.calibration)
    throw new ConvertError("a float model needs pictures to calibrate with (--calibrate DIR)");
  return convertFloat(bytes, folder, loaded, graph, options, base, make);
}

async function convertFloat(
  bytes: Uint8Array,
  folder: string | undefined,
  loaded: Loaded,
  graph: Graph,
  options: ConvertOptions,
  base: Pick<ConvertReport, "opset" | "nodes">,
  make: (quantizations: ReadonlyMap<string, Quantization>, notes: string[]) => Model,
): Promise<Converted> {
  const normalisation = {
    mean: options.mean ?? NO_NORMALISATION.mean,
    std: options.std ?? NO_NORMALISATION.std,
  };
  const progress = options.onProgress ?? (() => {});
  const float = await openFloat(bytes, loaded, sharedTensors(loaded, graph), folder);
  try {
    const found = await calibrate(
      float,
      loaded,
      graph,
      options.calibration!,
      normalisation,
      MEASURED,
      (done) => progress("calibrate", done, 0),
    );
    if (found.pictures === 0) throw new ConvertError("there are no pictures to calibrate with");
    const candidates = options.method ? [options.method] : METHODS;
    const models: { method: Method; model: Model; notes: string[]; decibels: number }[] = [];
    for (const method of candidates) {
      const notes: string[] = [];
      const ranges = rangesOf(graph, found.histograms, method);
      const model = make(assign(graph, ranges, options.activationBits ?? 7), notes);
      models.push({ method, model, notes, decibels: await scoreNoise(model, loaded, found.kept) });
      progress("measure", models.length, candidates.length + 1);
    }
    const best = models.reduce((a, b) => (b.decibels > a.decibels ? b : a));
    const feed = toFloats(found.kept[0]!.picture, loaded.inputShape, normalisation);
    const tensors = await tensorNoise(best.model, loaded, float, feed, found.kept[0]!.picture);
    progress("measure", candidates.length + 1, candidates.length + 1);
    const report: ConvertReport = {
      ...base,
      kind: "float",
      operations: best.model.ops.length,
      pictures: found.pictures,
      method: best.method,
      methods: models.map(({ method, decibels }) => ({ method, decibels })),
      tensors,
      notes: best.notes,
    };
    return { ...finish(best.model), report };
  } finally {
    await float.release();
  }
}

function makeModel(
  graph: Graph,
  loaded: Loaded,
  quantizations: ReadonlyMap<string, Quantization>,
  options: ConvertOptions,
  bytes: Uint8Array,
  notes: string[],
): Model {
  const { tensors, names, ops } = build(graph, quantizations, (text) => notes.push(text));
  const { width, height } = loaded;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const provenance = { ...defined({ source: options.sourceName }), sha256, converter: VERSION };
  const scores = tensors[ops.at(-1)!.inputs[0]!]!.channels;
  const card = makeCard(options.name ?? "model", scores, names, options.classes, options.palette, provenance);
  return { tensors, ops, card, stride: strideOf({ tensors, ops }, height, width), width, height };
}

/** The file's bytes and the model as read back from them, so that nothing leaves here that does not load. */
function finish(model: Model): Pick<Converted, "model" | "bytes"> {
  const bytes = writeModel(model);
  try {
    return { bytes, model: parseModel(bytes) };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new ConvertError(`the converted model is not valid: ${error.message}`);
  }
}

/** The entries that are not undefined. */
function defined<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as never;
}
