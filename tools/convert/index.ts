/** The converter: an ONNX or TFLite file, float or quantised, becomes a model file. */
import { createHash } from "node:crypto";
import { ModelError } from "../../src/errors.js";
import type { Color } from "../../src/metadata.js";
import { parseModel } from "../../src/model.js";
import type { Model } from "../../src/ops.js";
import { EngineBuild, logitsOf, runWhole } from "../common/engine.js";
import { needRuntime } from "../common/options.js";
import { packageVersion } from "../common/package.js";
import { build } from "./aseg/build.js";
import { makeMetadata } from "./aseg/metadata.js";
import { strideOf } from "./aseg/stride.js";
import { writeModel } from "./aseg/write.js";
import { ConvertError, checking } from "./errors.js";
import { type Images, toFloats, toInput } from "./feed.js";
import type { Graph } from "./graph.js";
import { type LoadedFile, loadGraph } from "./load.js";
import type { GraphOptions } from "./onnx/load.js";
import { INT8, UINT8 } from "./onnx/read.js";
import { type LowerOptions, lower } from "./passes/index.js";
import { assign } from "./quantize/assign.js";
import { type Calibration, calibrate, type Sample, sharedTensors } from "./quantize/calibrate.js";
import { rangesOf } from "./quantize/derive.js";
import { scalableGroups } from "./quantize/equalize.js";
import type { Bounds, Quantization } from "./quantize/numbers.js";
import type { Method } from "./quantize/ranges.js";
import { type Bits, type Prepared, prepare, search } from "./quantize/search.js";
import { logitsDifference, TensorDifferences } from "./quantize/sqnr.js";
import { type Converted, type ConvertReport, expectSqnr } from "./report.js";
import type { Session } from "./runtime.js";

export { writeModel } from "./aseg/write.js";
export { ConvertError } from "./errors.js";
export { exportQdq } from "./export/index.js";
export { loadGraph } from "./load.js";
export type { Converted, ConvertReport } from "./report.js";

/** An ONNX or TFLite file. The folder is where the external data of an ONNX file lies. */
export type Source = Uint8Array | { readonly bytes: Uint8Array; readonly folder: string };

/** Options of `convertGraph`. */
export interface GraphConvertOptions extends LowerOptions {
  /** Also give a model whose logits are less than `LEAST_DECIBELS` from noise. */
  readonly force?: boolean;
  /** Needed for a float model; of a quantised one they give ranges that it leaves out, and show what is lost. */
  readonly calibration?: Images;
  /**
   * 7: activations in 0..127, legal for every kernel on every host; 8: in -128..127. By default 8, or 7 where they
   * agree with the float model on nearly as many pixels.
   */
  readonly activationBits?: Bits;
  /** 13: int16 logits, where a convolution gives them; 8: int8 ones, which take less memory. Default: 13. */
  readonly logitBits?: 8 | 13;
  readonly classes?: readonly string[];
  readonly palette?: readonly Color[];
  /** Name in the metadata. */
  readonly name?: string;
  /** File name for the provenance. */
  readonly sourceName?: string;
  /** Method to choose ranges with; by default the one with the least error. */
  readonly method?: Method;
  /** `done` of `total` steps of a part; `total` is 0 where it is not known. */
  readonly onProgress?: (part: "calibrate" | "compare", done: number, total: number) => void;
}

/** Options of `convert`. */
export interface ConvertOptions extends GraphConvertOptions, Pick<GraphOptions, "output"> {
  /** Input size in pixels where the file leaves it open; the default size of the model file. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** One conversion: the file, its lowered graph and what was asked for. */
interface Job {
  readonly loaded: LoadedFile;
  readonly graph: Graph;
  readonly options: GraphConvertOptions;
}

/** A model, its bytes, and what could not be kept exactly. */
interface Made {
  readonly model: Model;
  readonly bytes: Uint8Array;
  readonly notes: string[];
}

/**
 * Converts an ONNX file.
 *
 * @throws ConvertError if the file is damaged or holds what is not supported; the message names the node
 */
export async function convert(source: Source, options: ConvertOptions = {}): Promise<Converted> {
  const { bytes, ...folder } = source instanceof Uint8Array ? { bytes: source } : source;
  const { size, output, ...rest } = options;
  return convertGraph(
    loadGraph(bytes, { ...size, ...folder, ...(output !== undefined && { output }) }),
    rest,
  );
}

/**
 * Converts a loaded ONNX file.
 *
 * @throws ConvertError if it holds what is not supported; the message names the node
 * @throws UserError if it is a float model and onnxruntime-web is not installed
 */
export async function convertGraph(loaded: LoadedFile, options: GraphConvertOptions): Promise<Converted> {
  const job = jobOf(loaded, options);
  const { graph } = job;
  return graph.quantization.size > 0 ? convertQuantized(job) : convertFloat(job);
}

/**
 * Whether a loaded file can be converted, without images: it is lowered, and built with ranges made up.
 *
 * @throws ConvertError that names every node that cannot be converted
 */
export function checkGraph(
  loaded: LoadedFile,
  options: GraphConvertOptions = {},
): Omit<ConvertReport, "kind"> {
  const job = jobOf(loaded, options);
  const { model, notes } = tryBuild(job);
  return { ...summary(job, model), notes };
}

/** The lowered graph; what cannot be converted is said here. */
function jobOf(loaded: LoadedFile, options: GraphConvertOptions): Job {
  if (loaded.isInputQuantized && (options.mean || options.std || options.isLevels)) {
    throw new ConvertError(
      "the file's input is uint8 or int8 and says itself how colours are scaled; leave out mean, std and levels",
    );
  }
  const isLevels = options.isLevels ?? [INT8, UINT8].includes(loaded.inputType);
  const feed = { ...options, isLevels };
  return { loaded, graph: lower(loaded.graph, feed), options: feed };
}

/** The model with ranges made up, so that nothing fails after minutes of calibration. */
function tryBuild(job: Job): Made {
  const range = (): Bounds => ({ min: -1, max: 1 });
  return checking("the graph", () => {
    return makeModel(job, assign(job.graph, range, 8), [...(job.graph.notes ?? [])]);
  });
}

/** Takes a quantised file as it is. Images, where there are some, give ranges that it leaves out, and say what is lost. */
async function convertQuantized(job: Job): Promise<Converted> {
  const { loaded, graph, options } = job;
  const notes: string[] = [...(graph.notes ?? [])];
  const found = options.calibration && (await observe(job, options.calibration));
  const histograms = new Map(Array.from(found?.observers ?? [], ([name, of]) => [name, of.histogram()]));
  const ranges = rangesOf(graph, histograms, "min-max");
  const derive = (tensor: string, levels: number): Bounds | undefined => {
    const source = histograms.has(tensor) ? "was measured" : "follows from what it is made of";
    notes.push(`tensor "${tensor}" is not quantised in the file: its range ${source}`);
    return ranges(tensor, levels);
  };
  const { model, bytes } = checking("the quantised graph", () => {
    return makeModel(job, assign(graph, derive, 8, options.logitBits), notes);
  });
  const engine = found && (await EngineBuild.open()).load(model, loaded);
  const report: ConvertReport = {
    ...summary(job, model),
    kind: "quantized",
    ...(found && engine && { pictures: found.images, difference: logitsDifference(engine, found.samples) }),
    notes,
  };
  return { model, bytes, report };
}

/** What calibration finds in a file where no choice is left. */
async function observe({ loaded, graph, options }: Job, images: Images): Promise<Calibration> {
  const { openSession } = await needRuntime(() => import("./runtime.js"));
  const session = await openSession(loaded, sharedTensors(loaded, graph), true, graph.layouts);
  try {
    const onImage = (done: number): void => options.onProgress?.("calibrate", done, 0);
    const found = await calibrate(session, loaded, graph, images, options, new Set(), onImage);
    if (found.images === 0) throw new ConvertError("there are no images to calibrate with");
    return found;
  } finally {
    await session.release();
  }
}

async function convertFloat(job: Job): Promise<Converted> {
  const { loaded, graph, options } = job;
  const { calibration: images, activationBits: bits, method, logitBits } = options;
  const progress = options.onProgress ?? (() => {});
  if (!images) {
    throw new ConvertError("a float model needs images to calibrate with (--calibrate DIR)");
  }
  const { openSession } = await needRuntime(() => import("./runtime.js"));
  tryBuild(job);
  const float = await openSession(loaded, sharedTensors(loaded, graph), true, graph.layouts);
  try {
    const onImage = (done: number): void => progress("calibrate", done, 0);
    const scalable = new Set(scalableGroups(graph).flat());
    const found = await calibrate(float, loaded, graph, images, options, scalable, onImage);
    if (found.images === 0) throw new ConvertError("there are no images to calibrate with");
    const engine = await EngineBuild.open();
    const make = ({ graph, quantizations }: Prepared): Made =>
      makeModel({ ...job, graph }, quantizations, [...(graph.notes ?? [])]);
    const requested = { ...(bits && { bits }), ...(method && { method }), ...(logitBits && { logitBits }) };
    const load = (prepared: Prepared) => engine.load(make(prepared).model, loaded);
    const trials = search(graph, found, requested, load, (done, total) =>
      progress("compare", done, total + 1),
    );
    const chosen = trials[0]!;
    const prepared = prepare(graph, found, chosen);
    const { model, bytes, notes } = make(prepared);
    const tensors = await worstTensors(job, model, engine, float, found.samples[0]!, prepared.factors);
    progress("compare", trials.length + 1, trials.length + 1);
    expectSqnr(chosen.decibels, tensors, notes, options.force ?? false);
    const report: ConvertReport = {
      ...summary(job, model),
      kind: "float",
      pictures: found.images,
      chosen,
      trials,
      tensors,
      notes,
    };
    return { model, bytes, report };
  } finally {
    await float.release();
  }
}

/** Every tensor that the float model has too, compared on one image, worst first. */
async function worstTensors(
  { loaded, graph, options }: Job,
  model: Model,
  engine: EngineBuild,
  float: Session,
  { image }: Sample,
  factors: Prepared["factors"],
): Promise<ConvertReport["tensors"]> {
  const differences = new TensorDifferences(model, new Set(sharedTensors(loaded, graph).keys()), factors);
  const ours = runWhole(engine.load(model, loaded, true), toInput(image));
  await float.run(toFloats(image, loaded.inputShape, options), (name, tensor) => {
    differences.add(name, tensor, ours);
  });
  return differences.rows().sort((a, b) => a.decibels - b.decibels);
}

function summary({ loaded }: Job, model: Model): Omit<ConvertReport, "kind" | "notes"> {
  const { format, opset, model: file } = loaded;
  const counts = { nodes: file.nodes.length, operations: model.ops.length, pictures: 0 };
  const { outputs, output } = loaded;
  return { format, opset, ...counts, trials: [], tensors: [], outputs, keptOutput: output };
}

/**
 * The model and its bytes, read back from them, so that nothing leaves here that does not load.
 *
 * @param notes what could not be kept so far; gets what building the model adds
 */
function makeModel(
  { loaded, graph, options }: Job,
  quantizations: ReadonlyMap<string, Quantization>,
  notes: string[],
): Made {
  const { tensors, names, ops } = build(graph, quantizations, (text) => notes.push(text));
  const { width, height } = loaded;
  const provenance = {
    ...(options.sourceName !== undefined && { source: options.sourceName }),
    sha256: createHash("sha256").update(loaded.file).digest("hex"),
    converter: packageVersion(),
  };
  const { channels } = tensors[logitsOf({ ops })]!;
  const { name = "model", classes, palette } = options;
  const metadata = makeMetadata(name, channels, names, classes, palette, provenance);
  const stride = strideOf({ tensors, ops }, height, width);
  const bytes = writeModel({ tensors, ops, metadata, stride, width, height });
  try {
    return { bytes, model: parseModel(bytes), notes };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new ConvertError(`the converted model is not valid: ${error.message}`);
  }
}
