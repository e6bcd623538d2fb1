/** From the bytes of an ONNX file to a graph whose constants are known and whose shapes are fixed. */
import { ConvertError } from "../errors.js";
import { type AttributeValue, type Constant, type Graph, type Node, prune } from "../graph.js";
import { foldConstants } from "./fold.js";
import * as onnx from "./read.js";
import { readTensor } from "./stored.js";

const FIRST_OPSET = 13;
const LAST_OPSET = 22;
/** Most nodes after constants are known: more than a model file has operations, since a few of them become one. */
const MAX_NODES = 8192;

/** Options of `loadGraph`. */
export interface GraphOptions {
  /** Folder that external tensor data is read from: the model file's. */
  readonly folder?: string;
  /** Input size in pixels, where the file leaves it open or another one is requested. */
  readonly width?: number;
  readonly height?: number;
  /** Name of the output to keep; the first by default. */
  readonly output?: string;
}

/** A loaded file: its graph, and how its input is to be fed. */
export interface LoadedGraph {
  readonly bytes: Uint8Array;
  readonly folder: string | undefined;
  /** Constants folded, shapes known; its input is the file's. */
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
 * @throws ConvertError if the file is damaged, of an operator set outside 13..22, has no image as its input,
 *   or holds an operation that is not supported
 */
export function loadGraph(bytes: Uint8Array, options: GraphOptions = {}): LoadedGraph {
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
  const folded = foldConstants(
    prune({
      nodes,
      constants,
      shapes: new Map([[input.name, inputShape]]),
      quantization: new Map(),
      input: input.name,
      output: output.name,
    }),
  );
  if (folded.nodes.length > MAX_NODES) {
    throw new ConvertError(
      `the network has ${folded.nodes.length} nodes; at most ${MAX_NODES} are supported`,
    );
  }
  const last = inputShape[1] === 3 ? 1 : 0;
  return {
    bytes,
    folder: options.folder,
    graph: prune(folded),
    model,
    opset: model.opset,
    inputShape,
    height: inputShape[1 + last]!,
    width: inputShape[2 + last]!,
  };
}

function shapeOfInput(input: onnx.OnnxValue, { width, height }: GraphOptions): number[] {
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
  // names that every object has are no keys of our tables
  if (type in {}) throw new ConvertError(`${type} "${node.name}": not supported`);
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
