/** The converter: an ONNX file, float or quantised (QDQ), becomes a model file. */
import { createHash } from "node:crypto";
import type { Color } from "../../src/card.js";
import { ModelError } from "../../src/errors.js";
import { type Model, parseModel } from "../../src/model.js";
import { packageVersion } from "../common/package.js";
import { build } from "./aseg/build.js";
import { makeCard } from "./aseg/card.js";
import { strideOf } from "./aseg/stride.js";
import { writeModel } from "./aseg/write.js";
import { ConvertError } from "./errors.js";
import type { Graph } from "./graph.js";
import { type Loaded, loadGraph } from "./onnx/load.js";
import { lower } from "./passes/index.js";
import { assign } from "./quantize/assign.js";
import { calibrate, openFloat, type Pictures, sharedTensors, toFloats } from "./quantize/calibrate.js";
import { rangesOf } from "./quantize/derive.js";
import { scoreNoise, type TensorNoise, tensorNoise } from "./quantize/measure.js";
import type { Bounds, Quantization } from "./quantize/numbers.js";
import { METHODS, type Method } from "./quantize/ranges.js";

export { writeModel } from "./aseg/write.js";
export { ConvertError } from "./errors.js";
export { exportQdq } from "./export/index.js";

/** Pictures that the errors of the methods are measured on. */
const MEASURED = 4;

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

/** One conversion: the file, its lowered graph and what was asked for. */
interface Job {
  readonly bytes: Uint8Array;
  readonly folder: string | undefined;
  readonly loaded: Loaded;
  readonly graph: Graph;
  readonly options: ConvertOptions;
}

/**
 * Converts an ONNX file.
 *
 * @throws ConvertError if the file is damaged or holds what is not supported; the message names the node
 */
export async function convert(source: Source, options: ConvertOptions = {}): Promise<Converted> {
  const { bytes, folder } = source instanceof Uint8Array ? { bytes: source, folder: undefined } : source;
  const loaded = loadGraph(bytes, {
    ...options.size,
    ...(folder !== undefined && { folder }),
    ...(options.output !== undefined && { output: options.output }),
  });
  const graph = lower(loaded.graph, options);
  const job: Job = { bytes, folder, loaded, graph, options };
  return graph.quantization.size > 0 ? convertQuantized(job) : convertFloat(job);
}

function convertQuantized(job: Job): Converted {
  const notes: string[] = [];
  const ranges = rangesOf(job.graph, new Map(), "min-max");
  const derive = (tensor: string, levels: number): Bounds | undefined => {
    notes.push(`tensor "${tensor}" is not quantised in the file: its range follows from what it is made of`);
    return ranges(tensor, levels);
  };
  const made = makeModel(job, assign(job.graph, derive, 8), notes);
  return { ...made, report: { ...summary(job, made.model), kind: "quantized", notes } };
}

async function convertFloat(job: Job): Promise<Converted> {
  const { loaded, graph, options } = job;
  if (!options.calibration) {
    throw new ConvertError("a float model needs pictures to calibrate with (--calibrate DIR)");
  }
  const normalisation = { mean: options.mean ?? [0, 0, 0], std: options.std ?? [1, 1, 1] };
  const progress = options.onProgress ?? (() => {});
  const float = await openFloat(job.bytes, loaded, sharedTensors(loaded, graph), job.folder);
  try {
    const onPicture = (done: number): void => progress("calibrate", done, 0);
    const { calibration } = options;
    const found = await calibrate(float, loaded, graph, calibration, normalisation, MEASURED, onPicture);
    if (found.pictures === 0) throw new ConvertError("there are no pictures to calibrate with");
    const methods = options.method ? [options.method] : METHODS;
    const tried: (Omit<Converted, "report"> & { method: Method; notes: string[]; decibels: number })[] = [];
    for (const method of methods) {
      const notes: string[] = [];
      const ranges = rangesOf(graph, found.histograms, method);
      const made = makeModel(job, assign(graph, ranges, options.activationBits ?? 7), notes);
      tried.push({ ...made, method, notes, decibels: await scoreNoise(made.model, loaded, found.kept) });
      progress("measure", tried.length, methods.length + 1);
    }
    const { model, bytes, method, notes } = tried.reduce((a, b) => (b.decibels > a.decibels ? b : a));
    const { picture } = found.kept[0]!;
    const feed = toFloats(picture, loaded.inputShape, normalisation);
    const tensors = await tensorNoise(model, loaded, float, feed, picture);
    progress("measure", methods.length + 1, methods.length + 1);
    const report: ConvertReport = {
      ...summary(job, model),
      kind: "float",
      pictures: found.pictures,
      method,
      methods: tried.map((entry) => ({ method: entry.method, decibels: entry.decibels })),
      tensors,
      notes,
    };
    return { model, bytes, report };
  } finally {
    await float.release();
  }
}

function summary({ loaded }: Job, model: Model): Omit<ConvertReport, "kind" | "notes"> {
  const { opset, model: file } = loaded;
  const counts = { nodes: file.nodes.length, operations: model.ops.length, pictures: 0 };
  return { opset, ...counts, methods: [], tensors: [] };
}

/** The model and its bytes, read back from them, so that nothing leaves here that does not load. */
function makeModel(
  { bytes, loaded, graph, options }: Job,
  quantizations: ReadonlyMap<string, Quantization>,
  notes: string[],
): Omit<Converted, "report"> {
  const { tensors, names, ops } = build(graph, quantizations, (text) => notes.push(text));
  const { width, height } = loaded;
  const provenance = {
    ...(options.sourceName !== undefined && { source: options.sourceName }),
    sha256: createHash("sha256").update(bytes).digest("hex"),
    converter: packageVersion(),
  };
  const scores = tensors[ops.at(-1)!.inputs[0]!]!.channels;
  const card = makeCard(options.name ?? "model", scores, names, options.classes, options.palette, provenance);
  const stride = strideOf({ tensors, ops }, height, width);
  const file = writeModel({ tensors, ops, card, stride, width, height });
  try {
    return { bytes: file, model: parseModel(file) };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new ConvertError(`the converted model is not valid: ${error.message}`);
  }
}
