/** From the bytes of an ONNX file to a graph whose constants are known and whose shapes are fixed. */
import { ConvertError } from "../errors.js";
import { type AttributeValue, type Constant, type Graph, type Node, prune } from "../graph.js";
import { foldConstants } from "./fold.js";
import { integerOperators } from "./integer-operators.js";
import { quantizedInput } from "./quantized-input.js";
import * as onnx from "./read.js";
import { readTensor } from "./stored.js";
import { upgrade } from "./upgrade.js";

const FIRST_OPSET = 7;
const LAST_OPSET = 28;
/** Most nodes after constants are known: more than a model file has operations, since a few of them become one. */
const MAX_NODES = 8192;

/** Options of `loadGraph`. */
export interface GraphOptions {
  /** Folder that external tensor data is read from: the model file's. */
  readonly folder?: string;
  /** Input size in pixels, where the file leaves it open or another one is requested. */
  readonly width?: number;
  readonly height?: number;
  /** Name of the output to keep; by default the first whose name is not that of an auxiliary head. */
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
  /** Shape of the file's input: [1, channels, height, width], or [1, height, width, channels]; 3 channels or 1. */
  readonly inputShape: readonly number[];
  /** ONNX element type of the file's input: float32, float16, uint8 for levels 0..255 or int8 for those less 128. */
  readonly inputType: number;
  /** All outputs of the file. */
  readonly outputs: readonly string[];
  /** The one that is kept. */
  readonly output: string;
}

/**
 * Reads an ONNX file into a graph.
 *
 * @throws ConvertError if the file is damaged, of an operator set outside 7..28, has no image as its input,
 *   or holds an operation that is not supported
 */
export function loadGraph(bytes: Uint8Array, options: GraphOptions = {}): LoadedGraph {
  const model = onnx.readOnnx(bytes);
  if (model.opset < FIRST_OPSET || model.opset > LAST_OPSET) {
    const found = model.opset === 0 ? "names no operator set" : `has operator set ${model.opset}`;
    throw new ConvertError(`the file ${found}; supported are ${FIRST_OPSET} to ${LAST_OPSET}`);
  }
  const constants = new Map<string, Constant>();
  const isRead = new Set(model.nodes.flatMap((node) => node.inputs));
  for (const stored of model.initializers) {
    if (isRead.has(stored.name)) constants.set(stored.name, readTensor(stored, options.folder));
  }
  const stored = new Set(model.initializers.map(({ name }) => name));
  const inputs = model.inputs.filter((value) => !stored.has(value.name));
  if (inputs.length !== 1) {
    const names = inputs.map(({ name }) => name).join(", ");
    throw new ConvertError(`expected one input, an image; the file has ${inputs.length}: ${names || "none"}`);
  }
  const input = inputs[0]!;
  const inputShape = shapeOfInput(input, options);
  const { output, note } = chooseOutput(model, options.output);
  if (!output) {
    const names = model.outputs.map((value) => value.name).join(", ");
    throw new ConvertError(`there is no output "${options.output ?? ""}"; the file has: ${names || "none"}`);
  }
  const written = model.nodes.map((node) => upgrade(toNode(node, options.folder), model.opset, constants));
  const real = integerOperators(written, output.name, constants);
  const nodes = quantizedInput(real.nodes, input, constants);
  const known = new Set([input.name, ...constants.keys(), ...nodes.flatMap((node) => node.outputs)]);
  for (const node of nodes) {
    const missing = node.inputs.find((name) => name !== "" && !known.has(name));
    if (missing !== undefined)
      throw new ConvertError(`${node.type} "${node.name}": nothing writes "${missing}"`);
  }
  if (!known.has(real.output)) throw new ConvertError(`nothing writes the output "${output.name}"`);
  const folded = foldConstants(
    prune({
      nodes,
      constants,
      shapes: new Map([[input.name, inputShape]]),
      quantization: new Map(),
      input: input.name,
      output: real.output,
      notes: note,
    }),
  );
  if (folded.nodes.length > MAX_NODES) {
    throw new ConvertError(
      `the network has ${folded.nodes.length} nodes; at most ${MAX_NODES} are supported`,
    );
  }
  const last = isChannelsFirst(inputShape) ? 1 : 0;
  return {
    bytes,
    folder: options.folder,
    graph: prune(folded),
    model,
    opset: model.opset,
    inputShape,
    inputType: input.type,
    outputs: model.outputs.map(({ name }) => name),
    output: output.name,
    height: inputShape[1 + last]!,
    width: inputShape[2 + last]!,
  };
}

function shapeOfInput(input: onnx.OnnxValue, { width, height }: GraphOptions): number[] {
  const where = `input "${input.name}"`;
  if (![onnx.FLOAT, onnx.FLOAT16, onnx.UINT8, onnx.INT8].includes(input.type))
    throw new ConvertError(
      `${where}: expected float32, float16, uint8 or int8 numbers, got element type ${input.type}`,
    );
  const dims = input.dims ?? [0, 3, 0, 0];
  if (dims.length !== 4)
    throw new ConvertError(`${where}: expected [1, 3, height, width], got [${dims.join(", ")}]`);
  const isImage = (count: number | undefined): boolean => count === 3 || count === 1;
  const isLast = isImage(dims[3]) && !isImage(dims[1]);
  const [batch, channels, rows, columns] = isLast ? [dims[0], dims[3], dims[1], dims[2]] : dims;
  if (batch! > 1) throw new ConvertError(`${where}: a batch of ${batch} is not supported, export it with 1`);
  if (!isImage(channels) && channels !== 0) {
    throw new ConvertError(`${where}: expected 3 channels (red, green, blue) or 1 (grey), got ${channels}`);
  }
  const h = height ?? rows!;
  const w = width ?? columns!;
  if (!(h > 0 && w > 0)) throw new ConvertError(`${where}: its size is open, so give one (--size WxH)`);
  if (h > 4096 || w > 4096) throw new ConvertError(`${where}: ${w}x${h} is larger than 4096x4096`);
  return isLast ? [1, h, w, channels || 3] : [1, channels || 3, h, w];
}

/** Whether an input is [1, channels, height, width], not [1, height, width, channels]. */
export function isChannelsFirst(shape: readonly number[]): boolean {
  return shape[1] === 3 || (shape[1] === 1 && shape[3] !== 3 && shape[3] !== 1);
}

/** Names that exporters and authors give to heads that only training needs. */
const AUXILIARY = /aux/i;

function chooseOutput(
  { outputs }: onnx.OnnxModel,
  requested: string | undefined,
): { output: onnx.OnnxValue | undefined; note: string[] } {
  const output =
    requested === undefined
      ? (outputs.find(({ name }) => !AUXILIARY.test(name)) ?? outputs[0])
      : outputs.find(({ name }) => name === requested);
  const others = outputs.filter((other) => other !== output).map(({ name }) => `"${name}"`);
  if (!output || others.length === 0) return { output, note: [] };
  return {
    output,
    note: [
      `output "${output.name}" is kept, ${others.join(", ")} left out; --output-name NAME keeps another one`,
    ],
  };
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
