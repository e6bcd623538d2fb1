/** From the bytes of an ONNX file to a graph whose constants are known and whose shapes are fixed. */
import { readFileSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { ConvertError } from "./errors.js";
import { foldConstants } from "./fold.js";
import { type AttributeValue, type Constant, type Graph, type Node, type Numbers, prune } from "./graph.js";
import * as onnx from "./onnx.js";

const FIRST_OPSET = 13;
const LAST_OPSET = 22;

const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  [onnx.FLOAT]: 4,
  [onnx.UINT8]: 1,
  [onnx.INT8]: 1,
  [onnx.UINT16]: 2,
  [onnx.INT16]: 2,
  [onnx.INT32]: 4,
  [onnx.INT64]: 8,
  [onnx.BOOL]: 1,
  [onnx.FLOAT16]: 2,
  [onnx.DOUBLE]: 8,
};

/** Options of `loadGraph`. */
export interface LoadOptions {
  /** Folder that external tensor data is read from: the model file's. */
  readonly folder?: string;
  /** Input size in pixels, where the file leaves it open or another one is wished. */
  readonly width?: number;
  readonly height?: number;
  /** Name of the output to keep; the first by default. */
  readonly output?: string;
}

/** A loaded model: its graph, and how its input is to be fed. */
export interface Loaded {
  readonly graph: Graph;
  readonly model: onnx.OnnxModel;
  readonly opset: number;
  readonly width: number;
  readonly height: number;
  /** Shape of the file's input: [1, 3, height, width], or [1, height, width, 3]. */
  readonly inputShape: readonly number[];
}

/**
 * Reads an ONNX file into a graph.
 *
 * @throws ConvertError if the file is damaged, of an operator set outside 13..22, has no picture as its input,
 *   or holds an operation that is not supported
 */
export function loadGraph(bytes: Uint8Array, options: LoadOptions = {}): Loaded {
  const model = onnx.readOnnx(bytes);
  if (model.opset < FIRST_OPSET || model.opset > LAST_OPSET) {
    const found = model.opset === 0 ? "names no operator set" : `has operator set ${model.opset}`;
    throw new ConvertError(`the file ${found}; supported are ${FIRST_OPSET} to ${LAST_OPSET}`);
  }
  const constants = new Map<string, Constant>();
  for (const stored of model.initializers) constants.set(stored.name, readTensor(stored, options.folder));
  const inputs = model.inputs.filter((value) => !constants.has(value.name));
  if (inputs.length !== 1) throw new ConvertError(`expected one input, the file has ${inputs.length}`);
  const input = inputs[0]!;
  const inputShape = shapeOfInput(input, options);
  const output = model.outputs.find((value) => options.output === undefined || value.name === options.output);
  if (!output) {
    const names = model.outputs.map((value) => value.name).join(", ");
    throw new ConvertError(`there is no output "${options.output ?? ""}"; the file has: ${names || "none"}`);
  }
  const nodes = model.nodes.map((node) => toNode(node, options.folder));
  const known = new Set([input.name, ...constants.keys(), ...nodes.flatMap((node) => node.outputs)]);
  for (const node of nodes) {
    const missing = node.inputs.find((name) => name !== "" && !known.has(name));
    if (missing !== undefined)
      throw new ConvertError(`${node.type} "${node.name}": nothing writes "${missing}"`);
  }
  if (!known.has(output.name)) throw new ConvertError(`nothing writes the output "${output.name}"`);
  const graph = foldConstants(
    prune({
      nodes,
      constants,
      shapes: new Map([[input.name, inputShape]]),
      quantization: new Map(),
      input: input.name,
      output: output.name,
    }),
  );
  const last = inputShape[1] === 3 ? 1 : 0;
  return {
    graph,
    model,
    opset: model.opset,
    inputShape,
    height: inputShape[1 + last]!,
    width: inputShape[2 + last]!,
  };
}

function shapeOfInput(input: onnx.OnnxValue, { width, height }: LoadOptions): number[] {
  const where = `input "${input.name}"`;
  if (input.type !== onnx.FLOAT) throw new ConvertError(`${where}: expected float32 numbers`);
  const dims = input.dims ?? [0, 3, 0, 0];
  if (dims.length !== 4)
    throw new ConvertError(`${where}: expected [1, 3, height, width], got [${dims.join(", ")}]`);
  const isLast = dims[3] === 3 && dims[1] !== 3;
  const [batch, channels, rows, columns] = isLast ? [dims[0], 3, dims[1], dims[2]] : dims;
  if (batch! > 1) throw new ConvertError(`${where}: a batch of ${batch} is not supported, export it with 1`);
  if (channels !== 3 && channels !== 0) {
    throw new ConvertError(`${where}: expected 3 channels (red, green, blue), got ${channels}`);
  }
  const h = height ?? rows!;
  const w = width ?? columns!;
  if (!(h > 0 && w > 0)) throw new ConvertError(`${where}: its size is open, so give one (--size WxH)`);
  if (h > 4096 || w > 4096) throw new ConvertError(`${where}: ${w}x${h} is larger than 4096x4096`);
  return isLast ? [1, h, w, 3] : [1, 3, h, w];
}

function toNode(node: onnx.OnnxNode, folder: string | undefined): Node {
  const type = node.domain === "" || node.domain === "ai.onnx" ? node.type : `${node.domain}.${node.type}`;
  const attributes: Record<string, AttributeValue> = {};
  for (const [name, attribute] of Object.entries(node.attributes)) {
    if (attribute.kind === "tensor") attributes[name] = readTensor(attribute.value, folder);
    else if (attribute.kind !== "other") attributes[name] = attribute.value;
  }
  return {
    name: node.name || node.outputs[0] || "",
    type,
    inputs: node.inputs,
    outputs: node.outputs,
    attributes,
  };
}

/**
 * The numbers of a stored tensor.
 *
 * @param folder where external data lies
 * @throws ConvertError if the element type is not supported or the data is missing or of a wrong length
 */
export function readTensor(tensor: onnx.OnnxTensor, folder?: string): Constant {
  const where = `tensor "${tensor.name}"`;
  const size = ELEMENT_BYTES[tensor.type];
  if (size === undefined) throw new ConvertError(`${where}: element type ${tensor.type} is not supported`);
  const count = tensor.dims.reduce((product, dim) => product * dim, 1);
  if (!(count >= 0 && count < 2 ** 31))
    throw new ConvertError(`${where}: shape [${tensor.dims}] is not valid`);
  const { dims, type } = tensor;
  const raw = tensor.external ? readExternal(tensor.external, count * size, where, folder) : tensor.raw;
  if (!raw) {
    if (tensor.numbers.length !== count) {
      throw new ConvertError(`${where}: ${count} numbers expected, ${tensor.numbers.length} found`);
    }
    const numbers = type === onnx.FLOAT16 ? tensor.numbers.map(halfToFloat) : tensor.numbers;
    return { dims, type, values: arrayOf(type, numbers) };
  }
  if (raw.length !== count * size) {
    throw new ConvertError(`${where}: ${count * size} bytes expected, ${raw.length} found`);
  }
  return { dims, type, values: decode(raw, type, count) };
}

function decode(raw: Uint8Array, type: number, count: number): Numbers {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const read: Readonly<Record<number, (at: number) => number>> = {
    [onnx.FLOAT]: (at) => view.getFloat32(4 * at, true),
    [onnx.UINT8]: (at) => view.getUint8(at),
    [onnx.INT8]: (at) => view.getInt8(at),
    [onnx.UINT16]: (at) => view.getUint16(2 * at, true),
    [onnx.INT16]: (at) => view.getInt16(2 * at, true),
    [onnx.INT32]: (at) => view.getInt32(4 * at, true),
    [onnx.INT64]: (at) => Number(view.getBigInt64(8 * at, true)),
    [onnx.BOOL]: (at) => view.getUint8(at),
    [onnx.FLOAT16]: (at) => halfToFloat(view.getUint16(2 * at, true)),
    [onnx.DOUBLE]: (at) => view.getFloat64(8 * at, true),
  };
  const values = arrayOf(type, count);
  const element = read[type]!;
  for (let at = 0; at < count; at++) values[at] = element(at);
  return values;
}

/** An array of the kind that holds the element type. */
export function arrayOf(type: number, content: number | readonly number[]): Numbers {
  const make = <T>(kind: { new (length: number): T; new (values: readonly number[]): T }): T =>
    typeof content === "number" ? new kind(content) : new kind(content);
  if (type === onnx.FLOAT || type === onnx.FLOAT16) return make(Float32Array);
  if (type === onnx.INT8) return make(Int8Array);
  if (type === onnx.UINT8 || type === onnx.BOOL) return make(Uint8Array);
  if (type === onnx.INT16) return make(Int16Array);
  if (type === onnx.UINT16) return make(Uint16Array);
  if (type === onnx.INT32) return make(Int32Array);
  return make(Float64Array);
}

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** Part of a file in the model's folder; a location that leads out of it is refused. */
function readExternal(
  external: Record<string, string>,
  expected: number,
  where: string,
  folder: string | undefined,
): Uint8Array {
  if (folder === undefined)
    throw new ConvertError(`${where}: its data is in another file; give the model as a file`);
  const path = externalPath(external.location ?? "", folder, where);
  const offset = Number(external.offset ?? 0);
  const length = Number(external.length ?? expected);
  const file = readFileSync(path);
  if (
    !(Number.isInteger(offset) && offset >= 0 && Number.isInteger(length) && offset + length <= file.length)
  ) {
    throw new ConvertError(`${where}: its data lies outside "${external.location}"`);
  }
  return file.subarray(offset, offset + length);
}

/** The path of an external data file. @throws ConvertError if it is missing or outside the folder */
export function externalPath(location: string, folder: string, where: string): string {
  try {
    if (location === "" || isAbsolute(location)) throw new Error();
    const root = realpathSync(folder);
    const path = realpathSync(join(root, location));
    const inside = relative(root, path);
    if (inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside))
      throw new Error();
    return path;
  } catch {
    throw new ConvertError(`${where}: there is no data file "${location}" in the model's folder`);
  }
}
