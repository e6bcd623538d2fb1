/** A model file against the ONNX file it came from: layer by layer, with onnxruntime as the judge. */
import * as format from "../../src/format.js";
import type { Model } from "../../src/model.js";
import { kindOf, type Op } from "../../src/ops.js";
import { type Loaded, loadGraph } from "../convert/onnx/load.js";
import { UINT8 } from "../convert/onnx/read.js";
import { offsetOf } from "../convert/passes/quantization.js";
import { fileInput, openFloat, toFloats, toInput } from "../convert/quantize/calibrate.js";
import { correlate, Noise } from "../convert/quantize/measure.js";
import { dequantize } from "../convert/quantize/numbers.js";
import { openRunner } from "../convert/runtime.js";
import { referenceMask, referenceOp, referenceSizes, runReference } from "../reference/run.js";

/** Runs a whole model: every tensor by id, int8 [height, width, channels]. */
export type RunModel = (model: Model, input: Int8Array, height: number, width: number) => Int8Array[];

export interface CompareOptions {
  /** Folder of the ONNX file's external data. */
  readonly folder?: string;
  /** What runs the model file; the reference by default. */
  readonly run?: RunModel;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly onPicture?: (done: number) => void;
}

/** One operation of a quantised model, given onnxruntime's own input tensors, so that errors do not add up. */
export interface OperationDifference {
  readonly index: number;
  readonly operation: string;
  /** Name of the output tensor. */
  readonly name: string;
  /** Values compared over all pictures; 0 where the ONNX file does not hold the same tensors. */
  readonly values: number;
  readonly differing: number;
  /** Largest difference in steps of the output's scale. */
  readonly largest: number;
}

/** One tensor of a float model, errors of earlier tensors included. */
export interface TensorDifference {
  readonly index: number;
  readonly operation: string;
  readonly name: string;
  /** Pearson correlation of the float and the dequantised numbers: the lowest of all pictures. */
  readonly correlation: number;
  /** Signal to quantisation noise over all pictures. */
  readonly decibels: number;
}

export interface Comparison {
  readonly kind: "float" | "quantized";
  readonly pictures: number;
  readonly width: number;
  readonly height: number;
  /** In the order of the model file; one of the two is empty, by kind. */
  readonly operations: readonly OperationDifference[];
  readonly tensors: readonly TensorDifference[];
  /** Share of all pixels, at the input's size, whose class is the same. */
  readonly maskAgreement: number;
}

/**
 * Compares a model file with the ONNX file it was converted from.
 *
 * @param pictures rgb [height][width][3], each 0..255, at the model's default size
 * @throws ConvertError if the ONNX file cannot be read or run, RangeError if a picture has another size
 */
export async function compare(
  bytes: Uint8Array,
  model: Model,
  pictures: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: CompareOptions = {},
): Promise<Comparison> {
  const { width, height } = model;
  const loaded = loadGraph(bytes, { width, height, ...(options.folder ? { folder: options.folder } : {}) });
  const isQuantized = loaded.model.nodes.some((node) => node.type === "DequantizeLinear");
  const agreement = { same: 0, pixels: 0 };
  const judge = isQuantized
    ? await quantizedJudge(bytes, loaded, model, options, agreement)
    : await floatJudge(bytes, loaded, model, options, agreement);
  let done = 0;
  try {
    for await (const picture of pictures) {
      if (picture.length !== width * height * 3) {
        throw new RangeError(`a picture of ${width}x${height} expected, got ${picture.length} bytes`);
      }
      await judge.add(picture);
      options.onPicture?.(++done);
    }
  } finally {
    await judge.release();
  }
  return {
    kind: isQuantized ? "quantized" : "float",
    pictures: done,
    width,
    height,
    operations: [],
    tensors: [],
    ...judge.rows(),
    maskAgreement: agreement.pixels > 0 ? agreement.same / agreement.pixels : 1,
  };
}

interface Judge {
  add(picture: Uint8Array): Promise<void>;
  rows(): Partial<Pick<Comparison, "operations" | "tensors">>;
  release(): Promise<void>;
}

interface Agreement {
  same: number;
  pixels: number;
}

/** Counts the pixels on which two sets of scores agree, as masks of the input's size. */
function agree(model: Model, agreement: Agreement, ours: Int8Array, theirs: Int8Array | Float32Array): void {
  const { height, width } = model;
  const id = model.ops.at(-1)!.inputs[0]!;
  const size = referenceSizes(model, height, width)[id]!;
  const { channels } = model.tensors[id]!;
  // The reference only reads numbers, so it takes real scores as well.
  const [a, b] = [ours, theirs as Int8Array].map((scores) =>
    referenceMask(scores, size, channels, height, width),
  );
  agreement.pixels += a!.length;
  a!.forEach((value, at) => {
    if (value === b![at]) agreement.same++;
  });
}

/** [1, channels, height, width] as [height, width, channels] in `result`, with `shift` added. */
function channelsLast<T extends Int8Array | Float32Array>(
  dims: readonly number[],
  data: ArrayLike<number>,
  shift: number,
  result: T,
): T {
  const [, channels, height, width] = dims as [number, number, number, number];
  const plane = height * width;
  for (let c = 0; c < channels; c++) {
    for (let at = 0; at < plane; at++) result[at * channels + c] = data[c * plane + at]! + shift;
  }
  return result;
}

async function quantizedJudge(
  bytes: Uint8Array,
  loaded: Loaded,
  model: Model,
  options: CompareOptions,
  agreement: Agreement,
): Promise<Judge> {
  const { width, height } = model;
  const sizes = referenceSizes(model, height, width);
  const integers = integerTensors(loaded);
  const shared = new Map<string, { id: number; offset: number; elements: number }>();
  model.ops.forEach(({ output: id }, index) => {
    const name = model.card.tensors?.[id] ?? "";
    const found = integers.get(index === 0 && !integers.has(name) ? fileInput(loaded) : name);
    const elements = sizes[id]!.height * sizes[id]!.width * model.tensors[id]!.channels;
    if (found) shared.set(found.name, { id, offset: found.offset, elements });
  });
  const runner = await openRunner(bytes, {
    inputName: fileInput(loaded),
    inputShape: loaded.inputShape,
    folder: options.folder,
    tensors: new Map([...shared].map(([name, { elements }]) => [name, elements])),
    isLiteral: false,
  });
  const rows = model.ops.slice(0, -1).map(({ output, code }, index) => {
    const name = model.card.tensors?.[output] ?? `tensor ${output}`;
    return { index, operation: kindOf({ code } as Op).name, name, values: 0, differing: 0, largest: 0 };
  });
  const scores = model.ops.at(-1)!.inputs[0]!;
  return {
    async add(picture) {
      const input = toInput(picture);
      const theirs = new Map<number, Int8Array>();
      await runner.run(feedOf(picture, loaded, options), (name, { dims, data }) => {
        const { id, offset } = shared.get(name)!;
        const shift = data instanceof Uint8Array ? -offset : 0;
        theirs.set(id, channelsLast(dims, data, shift, new Int8Array(data.length)));
      });
      for (const row of rows) {
        const op = model.ops[row.index]!;
        const wanted = theirs.get(op.output);
        const inputs = op.inputs.map(
          (id) => theirs.get(id) ?? (id === model.ops[0]!.output ? input : undefined),
        );
        if (inputs.includes(undefined)) continue;
        const got =
          op.code === format.INPUT ? input : referenceOp(model, row.index, inputs as Int8Array[], sizes);
        if (wanted) count(row, wanted, got);
        else theirs.set(op.output, got);
      }
      const ours = (options.run ?? runReference)(model, input, height, width)[scores]!;
      if (theirs.has(scores)) agree(model, agreement, ours, theirs.get(scores)!);
    },
    rows: () => ({ operations: rows }),
    release: () => runner.release(),
  };
}

function count(
  row: { values: number; differing: number; largest: number },
  a: Int8Array,
  b: Int8Array,
): void {
  row.values += a.length;
  for (let at = 0; at < a.length; at++) {
    const difference = Math.abs(a[at]! - b[at]!);
    if (difference > 0) row.differing++;
    row.largest = Math.max(row.largest, difference);
  }
}

/** The integer tensor of the file, after the Clip where there is one, that stands for each float tensor. */
function integerTensors({ model, graph }: Loaded): Map<string, { name: string; offset: number }> {
  const result = new Map<string, { name: string; offset: number }>();
  const owner = new Map<string, string>();
  const source = new Map<string, string>();
  for (const { type, inputs, outputs } of model.nodes) {
    const [input, output] = [inputs[0]!, outputs[0]!];
    if (type === "Identity" || type === "Dropout") source.set(output, source.get(input) ?? input);
    const clipped = type === "Clip" ? owner.get(input) : undefined;
    let real = clipped;
    if (type === "QuantizeLinear") real = source.get(input) ?? input;
    else if (type === "Gather") real = output.replace(/_quantized$/, "");
    if (real === undefined || (type === "QuantizeLinear" && result.has(real))) continue;
    const offset = clipped ? result.get(clipped)!.offset : offsetOf(graph, output, UINT8);
    result.set(real, { name: output, offset });
    owner.set(output, real);
  }
  return result;
}

function feedOf(picture: Uint8Array, { inputShape }: Loaded, { mean, std }: CompareOptions): Float32Array {
  return toFloats(picture, inputShape, { mean: mean ?? [0, 0, 0], std: std ?? [1, 1, 1] });
}

async function floatJudge(
  bytes: Uint8Array,
  loaded: Loaded,
  model: Model,
  options: CompareOptions,
  agreement: Agreement,
): Promise<Judge> {
  const { width, height } = model;
  const sizes = referenceSizes(model, height, width);
  const written = new Set(loaded.model.nodes.flatMap((node) => node.outputs));
  const shared = model.ops.flatMap(({ output, code }, index) => {
    const name = model.card.tensors?.[output] ?? "";
    return written.has(name) && code !== format.ARGMAX ? [{ index, output, code, name }] : [];
  });
  const elements = shared.map(({ output, name }): [string, number] => {
    return [name, sizes[output]!.height * sizes[output]!.width * model.tensors[output]!.channels];
  });
  const runner = await openFloat(bytes, loaded, new Map(elements), options.folder);
  const noises = shared.map(() => ({ noise: new Noise(), correlation: 1 }));
  const scores = model.ops.at(-1)!.inputs[0]!;
  return {
    async add(picture) {
      const ours = (options.run ?? runReference)(model, toInput(picture), height, width);
      await runner.run(feedOf(picture, loaded, options), (name, { dims, data }) => {
        const at = shared.findIndex((entry) => entry.name === name);
        const { output } = shared[at]!;
        const real = Float32Array.from(ours[output]!, (q) => dequantize(q, model.tensors[output]!));
        const wanted = channelsLast(dims, data, 0, new Float32Array(data.length));
        noises[at]!.noise.add(wanted, real);
        noises[at]!.correlation = Math.min(noises[at]!.correlation, correlate(wanted, real));
        if (output === scores) agree(model, agreement, ours[output]!, wanted);
      });
    },
    rows: () => ({
      tensors: shared.map(({ index, code, name }, at) => {
        const { noise, correlation } = noises[at]!;
        return { index, operation: kindOf({ code } as Op).name, name, correlation, decibels: noise.decibels };
      }),
    }),
    release: () => runner.release(),
  };
}
