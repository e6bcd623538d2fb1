import { ConvertError } from "../errors.js";
import { INPUT } from "../expression.js";
import { type Constant, describe, type Graph, type Node, numberOf, prune, rename } from "../graph.js";
import { FLOAT, INT8, INT32, UINT8 } from "../onnx/read.js";
import { dequantize, type Quantization, roundHalfEven } from "../quantize/numbers.js";

/** Bounds of a gate's table, which is int16. */
const WIDE = { min: -32768, max: 32767 };

/** An integer tensor of the file. */
interface Source {
  /** The float tensor it quantises or, with a table, whose quantised values the table is applied to. */
  readonly tensor: string;
  readonly quantization: Quantization;
  /** See `offsetOf`. */
  readonly offset: number;
  readonly table?: { readonly input: Quantization; readonly entries: Constant };
  /** What was added to the integers, where they are on their way to index a table. */
  readonly shift?: number;
}

/** What the pass has found so far. */
interface Found {
  readonly graph: Graph;
  readonly constants: Map<string, Constant>;
  readonly quantizations: Map<string, Quantization>;
  readonly shapes: Map<string, readonly number[]>;
  readonly aliases: Map<string, string>;
  readonly sources: Map<string, Source>;
  readonly nodes: Node[];
}

/**
 * Takes QuantizeLinear and DequantizeLinear out: what they say of an activation goes to `graph.quantization` of
 * the float tensor, what they say of a weight to its constant. A Clip between the two narrows min and max, and a
 * Gather from 256 entries becomes a function of the tensor whose values index it. uint8 is shifted, see `offsetOf`.
 *
 * @throws ConvertError where a zero point or scale has a form that int8 kernels cannot keep
 */
export function quantization(graph: Graph): Graph {
  const found: Found = {
    graph,
    constants: new Map(graph.constants),
    quantizations: new Map(graph.quantization),
    shapes: new Map(graph.shapes),
    aliases: new Map(),
    sources: new Map(),
    nodes: [],
  };
  for (const node of graph.nodes) visit(found, node);
  const { nodes, constants, shapes, quantizations } = found;
  return prune(rename({ ...graph, nodes, constants, shapes, quantization: quantizations }, found.aliases));
}

function visit(found: Found, node: Node): void {
  const { constants, sources } = found;
  const [input, second] = node.inputs as [string, string];
  const output = node.outputs[0]!;
  const source = sources.get(input);
  if (node.type === "QuantizeLinear") {
    const parameters = parametersOf(node, constants);
    const constant = constants.get(input);
    if (constant) constants.set(output, quantizeConstant(constant, parameters));
    else {
      const offset = offsetOf(found.graph, output, parameters.type);
      sources.set(output, { tensor: input, quantization: activationOf(node, parameters, offset), offset });
    }
  } else if (node.type === "DequantizeLinear") {
    const constant = constants.get(input);
    if (constant) constants.set(output, dequantizeConstant(constant, parametersOf(node, constants), node));
    else if (source?.table) dequantizeTable(found, node, source);
    else if (source) dequantizeActivation(found, node, source);
    else throw new ConvertError(`${describe(node)}: nothing quantises its input`);
  } else if (node.type === "Identity" && constants.has(input)) {
    constants.set(output, constants.get(input)!);
  } else if (node.type === "Clip" && source) {
    sources.set(output, { ...source, quantization: narrowed(node, source, constants) });
  } else if (node.type === "Cast" && source && !source.table) {
    sources.set(output, { ...source, shift: source.offset });
  } else if (
    node.type === "Add" &&
    source?.shift !== undefined &&
    constants.get(second)?.values.length === 1
  ) {
    sources.set(output, { ...source, shift: source.shift + constants.get(second)!.values[0]! });
  } else if (node.type === "Gather" && sources.has(second)) {
    const index = sources.get(second);
    const entries = constants.get(input);
    const offset = offsetOf(found.graph, output, entries?.type ?? INT8);
    sources.set(output, lookedUp(node, index, entries, offset));
    if (index && !found.quantizations.has(resolve(found, index.tensor))) {
      found.quantizations.set(resolve(found, index.tensor), index.quantization);
    }
  } else {
    found.nodes.push(node);
  }
}

/**
 * What the file's integers have more than ours: 128 for uint8, but 0 where a Clip keeps them within 0..127.
 *
 * @param tensor of integers, before the Clip
 */
export function offsetOf(graph: Pick<Graph, "nodes" | "constants">, tensor: string, type: number): number {
  if (type !== UINT8) return 0;
  const { nodes, constants } = graph;
  const clip = nodes.find((node) => node.type === "Clip" && node.inputs[0] === tensor);
  const max = constants.get(clip?.inputs[2] ?? "")?.values[0] ?? 255;
  return max <= 127 ? 0 : 128;
}

/** The tensor that a name stands for by now. */
function resolve({ aliases }: Found, tensor: string): string {
  let result = tensor;
  for (let next = aliases.get(result); next !== undefined; next = aliases.get(result)) result = next;
  return result;
}

function dequantizeActivation(found: Found, node: Node, source: Source): void {
  const { aliases, quantizations } = found;
  const output = node.outputs[0]!;
  const { scale, zero } = activationOf(node, parametersOf(node, found.constants), source.offset);
  const kept = source.quantization;
  if (scale !== kept.scale || zero !== kept.zero) {
    throw new ConvertError(
      `${describe(node)}: its scale or zero point is not that of the quantisation before it`,
    );
  }
  const tensor = resolve(found, source.tensor);
  const known = quantizations.get(tensor);
  const isSame =
    known?.scale === scale && known.zero === zero && known.min === kept.min && known.max === kept.max;
  if (!known || isSame) {
    quantizations.set(tensor, kept);
    aliases.set(output, tensor);
    return;
  }
  const again = { name: node.name, type: "function", inputs: [tensor], outputs: [output], attributes: {} };
  found.nodes.push({ ...again, expression: INPUT });
  quantizations.set(output, kept);
}

function dequantizeTable(found: Found, node: Node, source: Source): void {
  const { aliases, quantizations, shapes } = found;
  const { input, entries } = source.table!;
  const parameters = parametersOf(node, found.constants);
  const isWide = entries.type === INT32;
  const q = isWide
    ? { scale: parameters.scales[0]!, zero: 0, ...WIDE }
    : {
        ...activationOf(node, parameters, source.offset),
        min: source.quantization.min,
        max: source.quantization.max,
      };
  const values = Float32Array.from(entries.values, (entry) => dequantize(entry - source.offset, q));
  const output = node.outputs[0]!;
  const requested = node.inputs[0]!.replace(/_(quantized|clipped)$/, "");
  const name = shapes.has(requested) ? output : requested;
  const result = {
    name: node.name,
    type: "function",
    inputs: [source.tensor],
    outputs: [name],
    attributes: {},
  };
  found.nodes.push({ ...result, expression: { kind: "table", of: INPUT, input, values } });
  shapes.set(name, shapes.get(output)!);
  quantizations.set(name, q);
  if (name !== output) aliases.set(output, name);
}

function lookedUp(
  node: Node,
  index: Source | undefined,
  entries: Constant | undefined,
  offset: number,
): Source {
  const isTable = entries?.values.length === 256 && [INT8, UINT8, INT32].includes(entries.type);
  if (!isTable || index?.shift !== 128) {
    throw new ConvertError(
      `${describe(node)}: expected a table of 256 integers, indexed by an int8 tensor + 128`,
    );
  }
  const range = entries.type === INT32 ? WIDE : rangeOf(entries.type, offset);
  return {
    tensor: index.tensor,
    quantization: { scale: 1, zero: 0, ...range },
    offset,
    table: { input: index.quantization, entries },
  };
}

interface Parameters {
  readonly scales: Float32Array;
  readonly zeros: readonly number[];
  readonly axis: number;
  readonly type: number;
}

function parametersOf(node: Node, constants: ReadonlyMap<string, Constant>): Parameters {
  const scale = constants.get(node.inputs[1] ?? "");
  const zero = constants.get(node.inputs[2] ?? "");
  if (!scale || (node.inputs[2] && !zero)) {
    throw new ConvertError(`${describe(node)}: its scale and zero point must be constants`);
  }
  const scales = Float32Array.from(scale.values);
  if (scales.length === 0 || !scales.every((value) => Number.isFinite(value) && value > 0)) {
    throw new ConvertError(`${describe(node)}: a scale is not a positive number`);
  }
  const zeros = zero ? Array.from(zero.values) : new Array<number>(scales.length).fill(0);
  const type = zero?.type ?? numberOf(node, "output_dtype", UINT8);
  return { scales, zeros, axis: numberOf(node, "axis", 1), type };
}

function activationOf(node: Node, { scales, zeros, type }: Parameters, offset: number): Quantization {
  if (scales.length !== 1) throw new ConvertError(`${describe(node)}: activations need one scale a tensor`);
  if (type !== INT8 && type !== UINT8) {
    throw new ConvertError(`${describe(node)}: activations must be int8 or uint8, not element type ${type}`);
  }
  return { scale: scales[0]!, zero: zeros[0]! - offset, ...rangeOf(type, offset) };
}

/** All values of a type of integers, less the offset. */
function rangeOf(type: number, offset: number): { min: number; max: number } {
  return type === UINT8 ? { min: -offset, max: 255 - offset } : { min: -128, max: 127 };
}

/** Min and max after a Clip of the integers. */
function narrowed(node: Node, source: Source, constants: ReadonlyMap<string, Constant>): Quantization {
  const bound = (index: number, fallback: number): number => {
    const name = node.inputs[index];
    if (!name) return fallback;
    const constant = constants.get(name);
    if (!constant) throw new ConvertError(`${describe(node)}: its bounds must be constants`);
    return constant.values[0]! - source.offset;
  };
  const { min, max } = source.quantization;
  return { ...source.quantization, min: Math.max(min, bound(1, min)), max: Math.min(max, bound(2, max)) };
}

/** Channel of each element, by the axis of per-channel scales. */
function channelOf(constant: Constant, axis: number): (at: number) => number {
  const at = (axis + constant.dims.length) % Math.max(1, constant.dims.length);
  const inner = constant.dims.slice(at + 1).reduce((product, size) => product * size, 1);
  return (position) => Math.floor(position / inner) % (constant.dims[at] ?? 1);
}

function quantizeConstant(constant: Constant, { scales, zeros, axis, type }: Parameters): Constant {
  const channel = channelOf(constant, axis);
  const [first, last] = type === INT8 ? [-128, 127] : [0, 255];
  const values = Array.from(constant.values, (value, at) => {
    const c = scales.length === 1 ? 0 : channel(at);
    return Math.min(Math.max(roundHalfEven(Math.fround(value / scales[c]!)) + zeros[c]!, first), last);
  });
  return {
    dims: constant.dims,
    type,
    values: type === INT8 ? Int8Array.from(values) : Uint8Array.from(values),
  };
}

/** The float constant, with its integers where all zero points are 0 and the scales go along the first axis. */
function dequantizeConstant(constant: Constant, { scales, zeros, axis }: Parameters, node: Node): Constant {
  const { dims } = constant;
  const at = (axis + dims.length) % Math.max(1, dims.length);
  if (scales.length > 1 && scales.length !== dims[at]) {
    throw new ConvertError(`${describe(node)}: ${scales.length} scales do not fit shape [${dims}]`);
  }
  const channel = channelOf(constant, axis);
  const offset = constant.type === UINT8 ? 128 : 0;
  const values = Float32Array.from(constant.values, (value, position) => {
    const c = scales.length === 1 ? 0 : channel(position);
    return Math.fround((value - zeros[c]!) * scales[c]!);
  });
  const hasZeroPoint = zeros.some((zero) => zero !== offset);
  if (hasZeroPoint || (scales.length > 1 && at !== 0)) return { dims, type: FLOAT, values, hasZeroPoint };
  const perChannel =
    scales.length === 1 ? new Float32Array(Math.max(1, dims[0] ?? 1)).fill(scales[0]!) : scales;
  const integers = Array.from(constant.values, (value) => value - offset);
  const kept = constant.type === INT32 ? Int32Array.from(integers) : Int8Array.from(integers);
  return { dims, type: FLOAT, values, quantized: { values: kept, scales: perChannel } };
}
