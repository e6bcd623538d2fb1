/** Functions of one activation value: found, merged, and folded into clamps. */

import { ConvertError } from "../errors.js";
import { clampOf, compose, type Expression, FORMULAS, INPUT, PARAMETERS } from "../expression.js";
import { describe, type Graph, type Node, numberOf, producers, prune, readers, shapeOf } from "../graph.js";
import type { Bounds } from "../quantize/numbers.js";

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

/** Merges functions of functions, such as x * sigmoid(x), and folds clamps into what they follow. */
export function merge(graph: Graph): Graph {
  let current = graph;
  for (let next = step(current); next; next = step(current)) current = prune(next);
  return current;
}

function step(graph: Graph): Graph | undefined {
  const read = readers(graph);
  const producer = producers(graph);
  for (const node of graph.nodes) {
    const merged = foldClamp(graph, read, producer, node) ?? mergeOne(graph, read, producer, node);
    if (merged) return merged;
  }
  return undefined;
}

/** The function that a node's input is, where nothing else reads it. */
function innerOf(
  graph: Graph,
  read: ReadonlyMap<string, readonly unknown[]>,
  producer: ReadonlyMap<string, Node>,
  input: string,
): { source: string; expression: Expression } | undefined {
  const before = producer.get(input);
  if (before?.type !== "function" || read.get(input)!.length !== 1) return undefined;
  const known = graph.quantization.get(input);
  const of = before.expression!;
  const expression: Expression = known ? { kind: "quantize", of, quantization: known } : of;
  return { source: before.inputs[0]!, expression };
}

function mergeOne(
  graph: Graph,
  read: ReadonlyMap<string, readonly unknown[]>,
  producer: ReadonlyMap<string, Node>,
  node: Node,
): Graph | undefined {
  const replace = (source: string, expression: Expression): Graph => {
    const made = { ...node, type: "function", inputs: [source], attributes: {}, expression };
    return { ...graph, nodes: graph.nodes.map((other) => (other === node ? made : other)) };
  };
  if (node.type === "function") {
    const inner = innerOf(graph, read, producer, node.inputs[0]!);
    return inner && replace(inner.source, compose(node.expression!, inner.expression));
  }
  if (!FORMULAS[node.type] || node.inputs.length !== 2) return undefined;
  const [a, b] = node.inputs as [string, string];
  const [left, right] = [innerOf(graph, read, producer, a), innerOf(graph, read, producer, b)];
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

function foldClamp(
  graph: Graph,
  read: ReadonlyMap<string, readonly unknown[]>,
  producer: ReadonlyMap<string, Node>,
  node: Node,
): Graph | undefined {
  const bounds = node.type === "function" ? clampOf(node.expression!) : undefined;
  if (!bounds) return undefined;
  const [input, output] = [node.inputs[0]!, node.outputs[0]!];
  const before = producer.get(input);
  if (!before || !CLAMPING.has(before.type) || read.get(input)!.length !== 1) return undefined;
  if (
    ["Add", "Mul"].includes(before.type) &&
    before.inputs.some((name) => shapeOf(graph, name).length !== 4)
  ) {
    return undefined;
  }
  const quantization = new Map(graph.quantization);
  const [own, wish] = [quantization.get(input), quantization.get(output)];
  if (own && wish && (own.scale !== wish.scale || own.zero !== wish.zero)) return undefined;
  if (own) {
    const kept = wish ?? own;
    quantization.set(output, { ...kept, min: Math.max(own.min, kept.min), max: Math.min(own.max, kept.max) });
  }
  const clamped: Node = { ...before, outputs: [output], clamp: within(before.clamp, bounds) };
  const nodes = graph.nodes
    .filter((other) => other !== node)
    .map((other) => (other === before ? clamped : other));
  return { ...graph, nodes, quantization };
}

function within(inner: Bounds | undefined, { min, max }: Bounds): Bounds {
  if (!inner) return { min, max };
  const bound = (value: number): number => Math.min(Math.max(value, min), max);
  return { min: bound(inner.min), max: bound(inner.max) };
}
