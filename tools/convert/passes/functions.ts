/** Functions of one activation value: found, merged, and folded into clamps. */

import { ConvertError } from "../errors.js";
import {
  clampOf,
  compose,
  type Expression,
  FORMULAS,
  INPUT,
  isSmall,
  mayCompose,
  PARAMETERS,
} from "../expression.js";
import { describe, type Graph, type Node, numberOf, producers, prune, readers, shapeOf } from "../graph.js";
import type { Bounds, Quantization } from "../quantize/numbers.js";

/** Every element-wise node that reads one activation and otherwise single numbers, as `function`. */
export function functions(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => asFunction(graph, node) ?? node) };
}

function asFunction(graph: Graph, node: Node): Node | undefined {
  if (!FORMULAS[node.type]) return undefined;
  const activations = [...new Set(node.inputs.filter((name) => name !== "" && !graph.constants.has(name)))];
  if (activations.length !== 1) return undefined;
  const input = activations[0]!;
  const numbers = node.inputs.map((name) =>
    name === input || name === "" ? undefined : single(graph, node, name),
  );
  if (numbers.includes(null)) return undefined;
  const base = { ...node, type: "function", inputs: [input], attributes: {} };
  if (node.type === "Clip") {
    const bounds = [
      numbers[1] ?? numberOf(node, "min", -Infinity),
      numbers[2] ?? numberOf(node, "max", Infinity),
    ];
    return { ...base, expression: { kind: "call", name: "Clip", args: [INPUT], parameters: bounds } };
  }
  const args = numbers.map(
    (value): Expression => (typeof value === "number" ? { kind: "constant", value } : INPUT),
  );
  const parameters = (PARAMETERS[node.type] ?? []).map(([name, fallback]) => numberOf(node, name, fallback));
  return { ...base, expression: { kind: "call", name: node.type, args, parameters } };
}

/** The one number that a constant holds; null if it holds several. */
function single(graph: Graph, node: Node, name: string): number | null {
  const { values } = graph.constants.get(name)!;
  if (values.length === 0) throw new ConvertError(`${describe(node)}: constant "${name}" is empty`);
  return values.every((value) => value === values[0]) ? values[0]! : null;
}

/** A graph while its functions are merged: every node is met once, after all that it reads. */
class Merging {
  /** By output. */
  readonly producer: Map<string, Node>;
  /** How many nodes read each tensor; the graph's output counts as one. */
  readonly read: Map<string, number>;
  readonly quantization: Map<string, Quantization>;
  readonly graph: Graph;
  readonly #nodes: (Node | undefined)[];
  readonly #places: Map<Node, number>;

  constructor(graph: Graph) {
    this.graph = graph;
    this.producer = producers(graph);
    this.read = new Map(Array.from(readers(graph), ([tensor, nodes]) => [tensor, nodes.length]));
    this.quantization = new Map(graph.quantization);
    this.#nodes = [...graph.nodes];
    this.#places = new Map(graph.nodes.map((node, place) => [node, place]));
  }

  /** Puts a node in the place of another, and takes out what nothing reads any more. */
  replace(node: Node, made: Node): void {
    const place = this.#places.get(node)!;
    this.#nodes[place] = made;
    this.#places.set(made, place);
    for (const output of node.outputs) this.producer.delete(output);
    for (const output of made.outputs) this.producer.set(output, made);
    for (const input of new Set(made.inputs)) this.read.set(input, (this.read.get(input) ?? 0) + 1);
    this.#release(node);
  }

  /** Takes a node out whose output something else writes from now on. */
  remove(node: Node): void {
    this.#nodes[this.#places.get(node)!] = undefined;
    this.#release(node);
  }

  #release(node: Node): void {
    for (const input of new Set(node.inputs)) {
      const left = (this.read.get(input) ?? 0) - 1;
      this.read.set(input, left);
      const before = this.producer.get(input);
      if (left === 0 && before?.type === "function") {
        this.producer.delete(input);
        this.remove(before);
      }
    }
  }

  finish(): Graph {
    const nodes = this.#nodes.filter((node) => node !== undefined);
    return prune({ ...this.graph, nodes, quantization: this.quantization });
  }
}

/** Merges functions of functions, such as x * sigmoid(x), and folds clamps into what they follow. */
export function merge(graph: Graph): Graph {
  const merging = new Merging(graph);
  for (const node of graph.nodes) {
    let current: Node | undefined = node;
    while (current && !foldClamp(merging, current)) current = mergeOne(merging, current);
  }
  return merging.finish();
}

/** The function that a node's input is, where nothing else reads it. */
function innerOf(
  { read, producer, quantization }: Merging,
  input: string,
): { source: string; expression: Expression } | undefined {
  const before = producer.get(input);
  if (before?.type !== "function" || read.get(input) !== 1) return undefined;
  const known = quantization.get(input);
  const of = before.expression!;
  const expression: Expression = known ? { kind: "quantize", of, quantization: known } : of;
  return { source: before.inputs[0]!, expression };
}

/** Merges a node with functions before it; undefined where there is nothing to merge. */
function mergeOne(merging: Merging, node: Node): Node | undefined {
  const replace = (source: string, expression: Expression): Node | undefined => {
    if (!isSmall(expression)) return undefined;
    const made = { ...node, type: "function", inputs: [source], attributes: {}, expression };
    merging.replace(node, made);
    return made;
  };
  if (node.type === "function") {
    const inner = innerOf(merging, node.inputs[0]!);
    if (!inner || !mayCompose(node.expression!, inner.expression)) return undefined;
    return replace(inner.source, compose(node.expression!, inner.expression));
  }
  if (!FORMULAS[node.type] || node.inputs.length !== 2) return undefined;
  const [a, b] = node.inputs as [string, string];
  const [left, right] = [innerOf(merging, a), innerOf(merging, b)];
  const call = (x: Expression, y: Expression): Expression => ({
    kind: "call",
    name: node.type,
    args: [x, y],
    parameters: [],
  });
  if (left && left.source === b) return replace(b, call(left.expression, INPUT));
  if (right && right.source === a) return replace(a, call(INPUT, right.expression));
  if (left && right && left.source === right.source) {
    return replace(left.source, call(left.expression, right.expression));
  }
  return undefined;
}

/** Node types whose operation clamps its output. */
const CLAMPING = new Set(["conv", "averagePool", "globalAveragePool", "resize", "concat", "Add", "Mul"]);

/** Folds a node that only clamps into the operation before it; whether it did. */
function foldClamp(merging: Merging, node: Node): boolean {
  const { graph, read, producer, quantization } = merging;
  const bounds = node.type === "function" ? clampOf(node.expression!) : undefined;
  if (!bounds) return false;
  const [input, output] = [node.inputs[0]!, node.outputs[0]!];
  const before = producer.get(input);
  if (!before || !CLAMPING.has(before.type) || read.get(input) !== 1) return false;
  if (
    ["Add", "Mul"].includes(before.type) &&
    before.inputs.some((name) => shapeOf(graph, name).length !== 4)
  ) {
    return false;
  }
  const [own, requested] = [quantization.get(input), quantization.get(output)];
  if (own && requested && (own.scale !== requested.scale || own.zero !== requested.zero)) return false;
  if (own) {
    const kept = requested ?? own;
    quantization.set(output, { ...kept, min: Math.max(own.min, kept.min), max: Math.min(own.max, kept.max) });
  }
  merging.remove(node);
  merging.replace(before, { ...before, outputs: [output], clamp: within(before.clamp, bounds) });
  return true;
}

function within(inner: Bounds | undefined, { min, max }: Bounds): Bounds {
  if (!inner) return { min, max };
  const bound = (value: number): number => Math.min(Math.max(value, min), max);
  return { min: bound(inner.min), max: bound(inner.max) };
}
