/**
 * The graph that the passes rewrite. It begins as the ONNX graph and ends holding only the node types of
 * `LOWERED`, each of which becomes one operation of the model file.
 */
import { ConvertError } from "./errors.js";
import type { Expression } from "./expression.js";
import type { Bounds, Quantization } from "./quantize/numbers.js";

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array;

/** A known tensor: a weight, or the result of shape arithmetic. Int64 numbers are kept in a Float64Array. */
export interface Constant {
  readonly dims: readonly number[];
  /** ONNX element type. */
  readonly type: number;
  readonly values: TypedArray;
  /** Where the file holds the constant as integers: value = scale of its channel * integer. */
  readonly quantized?: { readonly values: Int8Array | Int32Array; readonly scales: Float32Array };
  /** The file holds the constant as integers with a zero point, which convolutions cannot take. */
  readonly hasZeroPoint?: boolean;
}

export type AttributeValue = number | string | readonly number[] | readonly string[] | Constant | undefined;

export interface Node {
  /** The ONNX node's name or, if it has none, its output: for messages. */
  readonly name: string;
  /** An ONNX operation type, or one of `LOWERED`. */
  readonly type: string;
  /** Tensor names; "" is an input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** What the output is clamped to. */
  readonly clamp?: Bounds;
  /** Of `function`: its value; of `gate`: the factor as a function of the second input. */
  readonly expression?: Expression;
}

/** A graph of one input and one output. Passes return a new graph and leave the given one as it is. */
export interface Graph {
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Constant>;
  /** Sizes of every tensor, activations as [1, channels, height, width]. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Quantisation of activations as the file gives it; empty for a float model. */
  readonly quantization: ReadonlyMap<string, Quantization>;
  readonly input: string;
  readonly output: string;
  /** Nodes that cannot be converted; what follows from them is left out. */
  readonly problems?: readonly Problem[];
  /** What could not be kept exactly, or was decided, in words. */
  readonly notes?: readonly string[];
  /** How the file stores tensors that are not [1, channels, height, width] there. */
  readonly layouts?: ReadonlyMap<string, Layout>;
  /** Tensors that the file does not have but whose values follow from one of its own: see `Measure`. */
  readonly measures?: ReadonlyMap<string, Measure>;
}

/** A node that cannot be converted, and why. */
export interface Problem {
  readonly type: string;
  readonly message: string;
}

/** Where the values of a [1, channels, height, width] tensor lie in the file's order. */
export interface Layout {
  /** Sizes of the tensor as the converter sees it. */
  readonly shape: readonly number[];
  /** Index in the file's tensor of an element of it. */
  readonly indexOf: (channel: number, row: number, column: number) => number;
}

/** Values that follow from those of `tensor`, a tensor of the file. */
export type Measure = Scaled | Computed;

/** The values less offsets and divided by factors, one a channel. */
export interface Scaled {
  readonly tensor: string;
  readonly factors: readonly number[];
  readonly offsets: readonly number[];
  /** Whether the number 0 is among the values besides. */
  readonly holdsZero?: boolean;
}

/** Any function of the values, [channels, height, width]. */
export interface Computed {
  readonly tensor: string;
  readonly of: (values: Float32Array) => Float32Array;
}

/** Node types that remain after the passes. */
export const LOWERED = [
  "conv",
  "maxPool",
  "averagePool",
  "globalAveragePool",
  "gate",
  "function",
  "resize",
  "add",
  "multiply",
  "concat",
  "pad",
  "depthToSpace",
  "prelu",
  "reduceMax",
  "groupNorm",
  "maxUnpool",
] as const;

export type Pass = (graph: Graph) => Graph;

/** Nodes that read each tensor. The graph's output counts as a reader of its own, `undefined`. */
export function readers(graph: Graph): Map<string, (Node | undefined)[]> {
  const map = new Map<string, (Node | undefined)[]>([[graph.output, [undefined]]]);
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      const list = map.get(input);
      if (list) list.push(node);
      else if (input !== "") map.set(input, [node]);
    }
  }
  return map;
}

/** The node that writes each tensor. */
export function producers(graph: Graph): Map<string, Node> {
  const map = new Map<string, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) map.set(output, node);
  return map;
}

/** The graph with nodes that nothing reads taken out, and the rest in order of execution, the file's where free. */
export function prune(graph: Graph): Graph {
  const producer = producers(graph);
  const needed = new Set<Node>();
  const stack: string[] = [graph.output];
  while (stack.length > 0) {
    const node = producer.get(stack.pop()!);
    if (!node || needed.has(node)) continue;
    needed.add(node);
    stack.push(...node.inputs);
  }
  return {
    ...graph,
    nodes: inOrder(
      graph.nodes.filter((node) => needed.has(node)),
      producer,
    ),
  };
}

/** Nodes in order of execution: each after those that it reads, else as they are. */
function inOrder(nodes: readonly Node[], producer: ReadonlyMap<string, Node>): Node[] {
  const done = new Set<Node>();
  const isReady = (input: string): boolean => {
    const before = producer.get(input);
    return !before || done.has(before);
  };
  if (nodes.every((node) => node.inputs.every(isReady) && done.add(node))) return [...nodes];
  done.clear();
  const open = new Set<Node>();
  for (const first of nodes) {
    const stack = [first];
    for (let node = stack.at(-1); node; node = stack.at(-1)) {
      const before = done.has(node) ? [] : node.inputs.flatMap((input) => producer.get(input) ?? []);
      const waiting = before.filter((other) => !done.has(other));
      if (waiting.length > 0 && open.has(node)) {
        throw new ConvertError(`${describe(node)}: the graph has a cycle`);
      }
      if (waiting.length === 0) done.add(stack.pop()!);
      else {
        open.add(node);
        stack.push(...waiting.reverse());
      }
    }
  }
  return [...done];
}

/** The graph with every reading of the tensors `from` turned into a reading of the tensors they map to. */
export function rename(graph: Graph, from: ReadonlyMap<string, string>): Graph {
  const known = new Map<string, string>();
  const target = (name: string): string => {
    const path: string[] = [];
    let result = name;
    for (let next = from.get(result); next !== undefined; next = known.get(result) ?? from.get(result)) {
      path.push(result);
      result = next;
    }
    for (const passed of path) known.set(passed, result);
    return result;
  };
  return {
    ...graph,
    nodes: graph.nodes.map((node) =>
      node.inputs.some((input) => from.has(input)) ? { ...node, inputs: node.inputs.map(target) } : node,
    ),
    output: target(graph.output),
  };
}

/** A tensor name that the graph does not have yet. */
export function freshName(graph: Graph, requested: string): string {
  const taken = (name: string): boolean => graph.shapes.has(name) || graph.constants.has(name);
  if (!taken(requested)) return requested;
  let suffix = 2;
  while (taken(`${requested}_${suffix}`)) suffix++;
  return `${requested}_${suffix}`;
}

/** `Conv "stem/conv"`, for messages. */
export function describe(node: Pick<Node, "name" | "type">): string {
  return `${node.type} "${node.name}"`;
}

export function shapeOf(graph: Graph, tensor: string): readonly number[] {
  const shape = graph.shapes.get(tensor);
  if (!shape) throw new ConvertError(`tensor "${tensor}": its shape is not known`);
  return shape;
}

/** An integer or float attribute, or `fallback` where the node has none. */
export function numberOf(node: Node, name: string, fallback: number): number {
  const value = node.attributes[name];
  return typeof value === "number" ? value : fallback;
}

export function stringOf(node: Node, name: string, fallback: string): string {
  const value = node.attributes[name];
  return typeof value === "string" ? value : fallback;
}

/** A list attribute of exactly `length` numbers, or `fallback` repeated. */
export function listOf(node: Node, name: string, length: number, fallback: number): number[] {
  const value = node.attributes[name];
  if (value === undefined) return new Array<number>(length).fill(fallback);
  if (
    !Array.isArray(value) ||
    value.length !== length ||
    !value.every((entry) => typeof entry === "number")
  ) {
    throw new ConvertError(`${describe(node)}: attribute "${name}" expected ${length} numbers`);
  }
  return [...value];
}
