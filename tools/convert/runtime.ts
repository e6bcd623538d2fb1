/** onnxruntime (its WebAssembly build) as the one that runs ONNX files: for calibration and as the judge. */
import * as ort from "onnxruntime-web";
import { PbfReader, PbfWriter } from "pbf";
import { ConvertError } from "./errors.js";
import { readTensorProto } from "./onnx/read.js";
import { readExternal } from "./onnx/stored.js";
import { writeTensor } from "./onnx/write.js";

ort.env.wasm.numThreads = 1;

/** Most bytes of tensors that one run gives out. */
const MOST_BYTES = 2 ** 29;

/** The numbers of a tensor as onnxruntime gives them, in the order of its dims. */
export interface Numbers {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int8Array | Uint8Array | Int32Array;
}

/** A loaded ONNX model. */
export interface Runner {
  /**
   * Runs the model once and gives its tensors one after the other.
   *
   * @param image float32 in the order of the model's input shape
   */
  run(image: Float32Array, use: (name: string, numbers: Numbers) => void): Promise<void>;
  release(): Promise<void>;
}

/** What `openRunner` needs to know of a model besides its bytes. */
export interface RunnerOptions {
  readonly inputName: string;
  readonly inputShape: readonly number[];
  /** Where external data lies. */
  readonly folder?: string | undefined;
  /** Tensors to give out, with their number of elements. */
  readonly tensors: ReadonlyMap<string, number>;
  /** Keep every node as it is in the file; else onnxruntime fuses, so quantised nodes run on integers. */
  readonly isLiteral: boolean;
}

/** @throws ConvertError if onnxruntime refuses the model */
export async function openRunner(bytes: Uint8Array, options: RunnerOptions): Promise<Runner> {
  const { inputName, inputShape, folder, tensors, isLiteral } = options;
  const exposed = expose(bytes, inputName, inputShape, [...tensors.keys()], folder);
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
        const results = await refusing(() => session.run({ [inputName]: input }, names));
        for (const name of names) {
          const { dims, data } = results[name]!;
          use(name, { dims, data: data as Numbers["data"] });
          results[name]!.dispose();
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
    const text = error instanceof Error ? error.message : String(error);
    throw new ConvertError(`onnxruntime cannot run the model: ${text.replace(/\s+/g, " ").slice(0, 300)}`);
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
export function expose(
  bytes: Uint8Array,
  inputName: string,
  inputShape: readonly number[],
  outputs: readonly string[],
  folder?: string,
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
