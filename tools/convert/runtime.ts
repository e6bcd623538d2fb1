/** onnxruntime (its WebAssembly build) runs ONNX files: to calibrate, and to compare with. */
import * as ort from "onnxruntime-web";
import { PbfReader, PbfWriter } from "pbf";
import { ConvertError } from "./errors.js";
import type { Layout } from "./graph.js";
import type { LoadedGraph } from "./onnx/load.js";
import { FLOAT16, INT8, readTensorProto, UINT8 } from "./onnx/read.js";
import { floatToHalf, halfToFloat, readExternal } from "./onnx/stored.js";
import { writeTensor } from "./onnx/write.js";

ort.env.wasm.numThreads = 1;

/** Errors are thrown; nothing that a file says goes to the terminal. */
const SILENT = { logSeverityLevel: 4 } as const;

/** Most bytes of tensors that one run gives out. */
const MOST_BYTES = 2 ** 29;

/** The numbers of a tensor as onnxruntime gives them, in the order of its dims; float16 as float32. */
export interface OutputTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int8Array | Uint8Array | Int32Array;
}

/** An ONNX file that is open in onnxruntime. */
export interface Session {
  /**
   * Runs the model once and gives its tensors one after the other.
   *
   * @param image numbers in the order of the model's input shape, brought to the element type of its input
   */
  run(image: Float32Array, use: (name: string, tensor: OutputTensor) => void): Promise<void>;
  release(): Promise<void>;
}

/**
 * Opens a file in onnxruntime.
 *
 * @param tensors to give out, with their number of elements
 * @param isLiteral keep every node as it is in the file; else onnxruntime fuses, so quantised nodes run on integers
 * @param layouts of tensors that are to be given as [1, channels, height, width] but are not stored so
 * @throws ConvertError if onnxruntime refuses the model
 */
export async function openSession(
  { bytes, folder, graph, inputShape, inputType }: LoadedGraph,
  tensors: ReadonlyMap<string, number>,
  isLiteral: boolean,
  layouts: ReadonlyMap<string, Layout> = new Map(),
): Promise<Session> {
  const { input: name } = graph;
  const exposed = expose(bytes, { name, shape: inputShape, type: inputType }, [...tensors.keys()], folder);
  const session = await refusing(() =>
    ort.InferenceSession.create(exposed, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: isLiteral ? "disabled" : "all",
      ...SILENT,
    }),
  );
  return {
    async run(image, use) {
      for (const names of chunks(tensors)) {
        const input = inputTensor(image, inputShape, inputType);
        const results = await refusing(() => session.run({ [name]: input }, names, SILENT));
        for (const output of names) {
          const { dims, data, type } = results[output]!;
          const numbers = type === "float16" ? toNumbers(data) : (data as OutputTensor["data"]);
          use(output, arranged({ dims, data: numbers }, layouts.get(output)));
          results[output]!.dispose();
        }
      }
    },
    release: () => session.release(),
  };
}

function inputTensor(image: Float32Array, shape: readonly number[], type: number): ort.Tensor {
  if (type === INT8)
    return new ort.Tensor(
      "int8",
      Int8Array.from(image, (level) => Math.round(level) - 128),
      shape,
    );
  if (type === UINT8) return new ort.Tensor("uint8", Uint8Array.from(image, Math.round), shape);
  if (type === FLOAT16) return new ort.Tensor("float16", Uint16Array.from(image, floatToHalf), shape);
  return new ort.Tensor("float32", image, shape);
}

/** float16 as onnxruntime gives it: bits, or numbers where the host has an array of them. */
function toNumbers(data: ort.Tensor["data"]): Float32Array {
  const list = data as ArrayLike<number>;
  return data instanceof Uint16Array ? Float32Array.from(list, halfToFloat) : Float32Array.from(list);
}

function arranged(tensor: OutputTensor, layout: Layout | undefined): OutputTensor {
  if (!layout) return tensor;
  const [, channels, height, width] = layout.shape as [number, number, number, number];
  const data = new Float32Array(channels * height * width);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) data[at++] = tensor.data[layout.indexOf(c, y, x)]!;
    }
  }
  return { dims: layout.shape, data };
}

async function refusing<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ");
    const [, version, newest] = /IR version: (\d+), max supported IR version: (\d+)/.exec(text) ?? [];
    if (version !== undefined) {
      throw new ConvertError(
        `the file has IR version ${version}, onnxruntime-web reads up to ${newest}: save it with an older ir_version`,
      );
    }
    // without the place in onnxruntime's source
    const reason = text.replace(/^.*ERROR_MESSAGE: (\S+\.cc:\d+ .*?\)\s+(?=[A-Z]))?/, "");
    throw new ConvertError(`onnxruntime cannot run the model: ${reason.slice(0, 300)}`);
  }
}

function* chunks(tensors: ReadonlyMap<string, number>): Generator<string[]> {
  let names: string[] = [];
  let bytes = 0;
  for (const [name, elements] of tensors) {
    if (names.length > 0 && bytes + 4 * elements > MOST_BYTES) {
      yield names;
      names = [];
      bytes = 0;
    }
    names.push(name);
    bytes += 4 * elements;
  }
  if (names.length > 0) yield names;
}

interface ExposedInput {
  readonly name: string;
  readonly shape: readonly number[];
  /** ONNX element type. */
  readonly type: number;
}

/**
 * The model with a fixed input shape and the given tensors as its outputs. Everything else is copied as it is,
 * field by field, so nothing of the file is lost; only the noted shapes of inner tensors (value_info) go, and
 * data from other files comes in.
 */
function expose(
  bytes: Uint8Array,
  input: ExposedInput,
  outputs: readonly string[],
  folder: string | undefined,
): Uint8Array {
  const result = new PbfWriter(new Uint8Array(bytes.length + 64 * outputs.length + 1024));
  copyFields(new PbfReader(bytes), result, (tag, part) => {
    if (tag !== 7) return false;
    const graph = new PbfWriter(new Uint8Array(part!.length + 64 * outputs.length + 1024));
    copyFields(new PbfReader(part!), graph, (field, value) => {
      if (field === 12 || field === 13) return true;
      if (field === 5) return embed(graph, value!, folder);
      if (field !== 11 || nameOf(value!) !== input.name) return false;
      graph.writeMessage(11, (_, pbf) => writeInput(pbf, input), null);
      return true;
    });
    for (const name of outputs) graph.writeMessage(12, (_, pbf) => pbf.writeStringField(1, name), null);
    result.writeBytesField(7, graph.finish());
    return true;
  });
  return result.finish();
}

/** Copies the fields of a message, but for those that `take` deals with itself. */
function copyFields(from: PbfReader, to: PbfWriter, take: (tag: number, part?: Uint8Array) => boolean): void {
  for (;;) {
    const start = from.pos;
    const tag = from.nextField();
    if (tag === 0) return;
    let part: Uint8Array | undefined;
    if (from.type === 2) part = from.readBytes();
    else from.skip(from.type);
    if (take(tag, part)) continue;
    const field = from.buf.subarray(start, from.pos);
    to.realloc(field.length);
    to.buf.set(field, to.pos);
    to.pos += field.length;
  }
}

/** Writes an initializer whose data is in another file with the data itself; leaves others alone. */
function embed(graph: PbfWriter, initializer: Uint8Array, folder: string | undefined): boolean {
  const tensor = readTensorProto(initializer);
  if (!tensor.external) return false;
  const { name, dims, type } = tensor;
  graph.writeMessage(5, writeTensor, { name, dims, type, numbers: [], raw: readExternal(tensor, folder) });
  return true;
}

function nameOf(value: Uint8Array): string {
  const pbf = new PbfReader(value);
  for (let tag = pbf.nextField(); tag !== 0; tag = pbf.nextField()) {
    if (tag === 1) return pbf.readString();
  }
  return "";
}

function writeInput(pbf: PbfWriter, { name, shape, type: elements }: ExposedInput): void {
  pbf.writeStringField(1, name);
  pbf.writeMessage(
    2,
    (_, type) =>
      type.writeMessage(
        1,
        (__, tensor) => {
          tensor.writeVarintField(1, elements);
          tensor.writeMessage(
            2,
            (___, dims) => {
              for (const size of shape)
                dims.writeMessage(1, (____, dim) => dim.writeVarintField(1, size), null);
            },
            null,
          );
        },
        null,
      ),
    null,
  );
}
