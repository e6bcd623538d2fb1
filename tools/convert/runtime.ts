/** onnxruntime (its WebAssembly build) runs ONNX files: to calibrate, and to compare with. */
import * as ort from "onnxruntime-web";
import { PbfReader, PbfWriter } from "pbf";
import { ConvertError } from "./errors.js";
import type { LoadedGraph } from "./onnx/load.js";
import { readTensorProto } from "./onnx/read.js";
import { readExternal } from "./onnx/stored.js";
import { writeTensor } from "./onnx/write.js";

ort.env.wasm.numThreads = 1;

/** Most bytes of tensors that one run gives out. */
const MOST_BYTES = 2 ** 29;

/** The numbers of a tensor as onnxruntime gives them, in the order of its dims. */
export interface OutputTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int8Array | Uint8Array | Int32Array;
}

/** An ONNX file that is open in onnxruntime. */
export interface Session {
  /**
   * Runs the model once and gives its tensors one after the other.
   *
   * @param image float32 in the order of the model's input shape
   */
  run(image: Float32Array, use: (name: string, tensor: OutputTensor) => void): Promise<void>;
  release(): Promise<void>;
}

/**
 * Opens a file in onnxruntime.
 *
 * @param tensors to give out, with their number of elements
 * @param isLiteral keep every node as it is in the file; else onnxruntime fuses, so quantised nodes run on integers
 * @throws ConvertError if onnxruntime refuses the model
 */
export async function openSession(
  { bytes, folder, graph, inputShape }: LoadedGraph,
  tensors: ReadonlyMap<string, number>,
  isLiteral: boolean,
): Promise<Session> {
  const { input: name } = graph;
  const exposed = expose(bytes, name, inputShape, [...tensors.keys()], folder);
  const session = await refusing(() =>
    ort.InferenceSession.create(exposed, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: isLiteral ? "disabled" : "all",
      logSeverityLevel: 4,
    }),
  );
  return {
    async run(image, use) {
      for (const names of chunks(tensors)) {
        const input = new ort.Tensor("float32", image, inputShape);
        const results = await refusing(() => session.run({ [name]: input }, names));
        for (const output of names) {
          const { dims, data } = results[output]!;
          use(output, { dims, data: data as OutputTensor["data"] });
          results[output]!.dispose();
        }
      }
    },
    release: () => session.release(),
  };
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

/**
 * The model with a fixed input shape and the given tensors as its outputs. Everything else is copied as it is,
 * field by field, so nothing of the file is lost; only the noted shapes of inner tensors (value_info) go, and
 * data from other files comes in.
 */
function expose(
  bytes: Uint8Array,
  inputName: string,
  inputShape: readonly number[],
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
      if (field !== 11 || nameOf(value!) !== inputName) return false;
      graph.writeMessage(11, (_, pbf) => writeInput(pbf, inputName, inputShape), null);
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

function writeInput(pbf: PbfWriter, name: string, shape: readonly number[]): void {
  pbf.writeStringField(1, name);
  pbf.writeMessage(
    2,
    (_, type) =>
      type.writeMessage(
        1,
        (__, tensor) => {
          tensor.writeVarintField(1, 1);
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
