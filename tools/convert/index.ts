/** The converter: an ONNX file, float or quantised (QDQ), becomes a model file. */
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
import { type GraphOptions, type LoadedGraph, loadGraph } from "./onnx/load.js";
import { UINT8 } from "./onnx/read.js";
import { type LowerOptions, lower } from "./passes/index.js";
import { assign } from "./quantize/assign.js";
import { calibrate, type Sample, sharedTensors } from "./quantize/calibrate.js";
import { rangesOf } from "./quantize/derive.js";
import type { Bounds, Quantization } from "./quantize/numbers.js";
import { METHODS, type Method } from "./quantize/ranges.js";
import { logitsSqnr, type TensorDifference, TensorDifferences } from "./quantize/sqnr.js";
import type { Session } from "./runtime.js";

export { writeModel } from "./aseg/write.js";
export { ConvertError } from "./errors.js";
export { exportQdq } from "./export/index.js";
export { loadGraph } from "./onnx/load.js";

/** SQNR of the logits in decibels: below the first a conversion fails, below the second it is doubtful. */
const LEAST_DECIBELS = 10;
const GOOD_DECIBELS = 15;

/** Images that the errors of the methods are measured on. */
const SAMPLES = 4;

/** An ONNX file. The folder is where its external data lies. */
export type Source = Uint8Array | { readonly bytes: Uint8Array; readonly folder: string };

/** Options of `convertGraph`. */
export interface GraphConvertOptions extends LowerOptions {
  /** Also give a model whose logits are less than `LEAST_DECIBELS` from noise. */
  readonly force?: boolean;
  /** Needed for a float model. */
  readonly calibration?: Images;
  /** 7 (default): activations in 0..127, legal for every kernel; 8: in -128..127. */
  readonly activationBits?: 7 | 8;
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

/** What a conversion has to tell; keys of `attendseg convert --json`. */
export interface ConvertReport {
  readonly kind: "float" | "quantized";
  readonly opset: number;
  readonly nodes: number;
  readonly operations: number;
  /** Images calibrated on. */
  readonly pictures: number;
  /** The method that was used, and the SQNR of the logits in decibels with each that was tried. */
  readonly method?: Method;
  readonly methods: readonly { readonly method: Method; readonly decibels: number }[];
  /** On one image, worst first; empty for a quantised file. */
  readonly tensors: readonly TensorDifference[];
  /** What could not be kept exactly, or was decided. */
  readonly notes: readonly string[];
  /** All outputs of the file, and the one that is kept. */
  readonly outputs: readonly string[];
  readonly keptOutput: string;
}

export interface Converted {
  readonly model: Model;
  readonly bytes: Uint8Array;
  readonly report: ConvertReport;
}

/** One conversion: the file, its lowered graph and what was asked for. */
interface Job {
  readonly loaded: LoadedGraph;
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
export async function convertGraph(loaded: LoadedGraph, options: GraphConvertOptions): Promise<Converted> {
  const job = prepare(loaded, options);
  const { graph } = job;
  return graph.quantization.size > 0 ? convertQuantized(job) : convertFloat(job);
}

/**
 * Whether a loaded file can be converted, without images: it is lowered, and built with ranges made up.
 *
 * @throws ConvertError that names every node that cannot be converted
 */
export function checkGraph(
  loaded: LoadedGraph,
  options: GraphConvertOptions = {},
): Omit<ConvertReport, "kind"> {
  const job = prepare(loaded, options);
  const { model, notes } = tryBuild(job);
  return { ...summary(job, model), notes };
}

/** The lowered graph; what cannot be converted is said here. */
function prepare(loaded: LoadedGraph, options: GraphConvertOptions): Job {
  const isLevels = options.isLevels ?? loaded.inputType === UINT8;
  const feed = { ...options, isLevels };
  return { loaded, graph: lower(loaded.graph, feed), options: feed };
}

/** The model with ranges made up, so that nothing fails after minutes of calibration. */
function tryBuild(job: Job): Made {
  const range = (): Bounds => ({ min: -1, max: 1 });
  return makeModel(job, assign(job.graph, range, 8), [...(job.graph.notes ?? [])]);
}

function convertQuantized(job: Job): Converted {
  const notes: string[] = [...(job.graph.notes ?? [])];
  const ranges = rangesOf(job.graph, new Map(), "min-max");
  const derive = (tensor: string, levels: number): Bounds | undefined => {
    notes.push(`tensor "${tensor}" is not quantised in the file: its range follows from what it is made of`);
    return ranges(tensor, levels);
  };
  const { model, bytes } = checking("the quantised graph", () => {
    return makeModel(job, assign(job.graph, derive, 8), notes);
  });
  return { model, bytes, report: { ...summary(job, model), kind: "quantized", notes } };
}

async function convertFloat(job: Job): Promise<Converted> {
  const { loaded, graph, options } = job;
  const { calibration, onProgress: progress = () => {} } = options;
  if (!calibration) {
    throw new ConvertError("a float model needs images to calibrate with (--calibrate DIR)");
  }
  tryBuild(job);
  const shared = sharedTensors(loaded, graph);
  const { openSession } = await needRuntime(() => import("./runtime.js"));
  const float = await openSession(loaded, shared, true, graph.layouts);
  try {
    const onImage = (done: number): void => progress("calibrate", done, 0);
    const found = await calibrate(float, loaded, graph, calibration, options, SAMPLES, onImage);
    if (found.images === 0) throw new ConvertError("there are no images to calibrate with");
    const engine = await EngineBuild.open();
    const methods = options.method ? [options.method] : METHODS;
    const tried = methods.map((method, index) => {
      const notes: string[] = [...(graph.notes ?? [])];
      const ranges = rangesOf(graph, found.histograms, method);
      const quantizations = checking("the graph", () => assign(graph, ranges, options.activationBits ?? 7));
      const made = makeModel(job, quantizations, notes);
      const decibels = logitsSqnr(engine.load(made.model, loaded), found.samples);
      progress("compare", index + 1, methods.length + 1);
      return { ...made, method, decibels };
    });
    const { model, bytes, method, notes, decibels } = tried.reduce((a, b) =>
      b.decibels > a.decibels ? b : a,
    );
    const tensors = await worstTensors(job, model, engine, float, found.samples[0]!);
    progress("compare", methods.length + 1, methods.length + 1);
    judge(decibels, tensors, notes, options.force ?? false);
    const report: ConvertReport = {
      ...summary(job, model),
      kind: "float",
      pictures: found.images,
      method,
      methods: tried.map(({ method, decibels }) => ({ method, decibels })),
      tensors,
      notes,
    };
    return { model, bytes, report };
  } finally {
    await float.release();
  }
}

/** Refuses a model that gives noise, and notes where a doubtful one loses most. */
function judge(
  decibels: number,
  tensors: ConvertReport["tensors"],
  notes: string[],
  isForced: boolean,
): void {
  if (!(decibels < GOOD_DECIBELS)) return;
  const lossy = tensors.filter((tensor) => tensor.decibels < GOOD_DECIBELS + 5);
  const first = lossy.reduce<(typeof lossy)[number] | undefined>(
    (a, b) => (a && a.index < b.index ? a : b),
    undefined,
  );
  const where = first
    ? `; the loss begins at "${first.name}" (${first.operation}, ${first.decibels.toFixed(1)} dB)`
    : "";
  const text = `the logits are only ${decibels.toFixed(1)} dB above the noise of quantisation${where}`;
  if (decibels < LEAST_DECIBELS && !isForced) {
    throw new ConvertError(
      `${text}; calibrate with images like those it will see, or keep it nevertheless (--force)`,
    );
  }
  notes.push(text);
}

/** Every tensor that the float model has too, compared on one image, worst first. */
async function worstTensors(
  { loaded, graph, options }: Job,
  model: Model,
  engine: EngineBuild,
  float: Session,
  { image }: Sample,
): Promise<ConvertReport["tensors"]> {
  const differences = new TensorDifferences(model, new Set(sharedTensors(loaded, graph).keys()));
  const ours = runWhole(engine.load(model, loaded, true), toInput(image));
  await float.run(toFloats(image, loaded.inputShape, options), (name, tensor) => {
    differences.add(name, tensor, ours);
  });
  return differences.rows().sort((a, b) => a.decibels - b.decibels);
}

function summary({ loaded }: Job, model: Model): Omit<ConvertReport, "kind" | "notes"> {
  const { opset, model: file } = loaded;
  const counts = { nodes: file.nodes.length, operations: model.ops.length, pictures: 0 };
  const { outputs, output } = loaded;
  return { opset, ...counts, methods: [], tensors: [], outputs, keptOutput: output };
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
    sha256: createHash("sha256").update(loaded.bytes).digest("hex"),
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
