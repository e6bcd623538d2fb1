/** Shape arithmetic done ahead: what follows from constants and known shapes becomes a constant. */

import { ConvertError, checking } from "../errors.js";
import { type Constant, describe, type Graph, type Node, numberOf, producers } from "../graph.js";
import { arrayOf } from "./constants.js";
import { OPERATORS } from "./operators.js";
import { FLOAT, INT64 } from "./read.js";
import { inferShapes } from "./shapes.js";

/** Elements that constants may be computed to: this many, and so many for each element that the file holds. */
const COMPUTED_ELEMENTS = 1 << 21;
const COMPUTED_RATIO = 16;
/** Most axes and most elements of an activation. */
const MAX_RANK = 8;
const MAX_ELEMENTS = 2 ** 28;

/**
 * Replaces nodes whose outputs are known by constants and infers the shape of every other tensor.
 * A `Resize` whose size was taken from another tensor gets that tensor as its fifth input.
 *
 * @throws ConvertError at a node that is not supported or whose shapes do not fit
 */
export function foldConstants(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  for (const [name, constant] of constants) shapes.set(name, constant.dims);
  const producer = producers(graph);
  const nodes: Node[] = [];
  let budget = COMPUTED_ELEMENTS;
  for (const { values } of constants.values()) budget += COMPUTED_RATIO * values.length;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => constants.get(input));
    const result = checking(describe(node), () => evaluated(node, inputs, shapes));
    if (result) {
      expectRank(node, result.dims);
      if (node.type === "Constant") budget += COMPUTED_RATIO * result.values.length;
      else if (!inputs.some((input) => input?.values === result.values)) budget -= result.values.length;
      if (budget < 0) throw new ConvertError(`${describe(node)}: its constants grow too large`);
      constants.set(node.outputs[0]!, result);
      shapes.set(node.outputs[0]!, result.dims);
      continue;
    }
    const known: Graph = { ...graph, constants, shapes };
    checking(describe(node), () => inferShapes(known, node)).forEach((shape, index) => {
      const output = node.outputs[index];
      expectRank(node, shape);
      const elements = shape.reduce((product, size) => product * size, 1);
      if (!(elements <= MAX_ELEMENTS)) {
        throw new ConvertError(`${describe(node)}: an output of [${shape.join(", ")}] is too large`);
      }
      if (output !== undefined && output !== "") shapes.set(output, shape);
    });
    nodes.push(
      node.type === "Resize" ? checking(describe(node), () => withLike(node, shapes, producer)) : node,
    );
  }
  return { ...graph, nodes, constants, shapes };
}

/** What a node gives, if that is known ahead. */
function evaluated(
  node: Node,
  inputs: readonly (Constant | undefined)[],
  shapes: ReadonlyMap<string, readonly number[]>,
): Constant | undefined {
  if (node.type === "Constant") return constantOf(node);
  if (node.type === "Shape" && shapes.has(node.inputs[0]!)) return shapeConstant(node, shapes);
  const isKnown = node.inputs.every((input, index) => input === "" || inputs[index]);
  return isKnown && inputs[0] ? OPERATORS[node.type]?.(node, inputs) : undefined;
}

function expectRank(node: Node, dims: readonly number[]): void {
  if (dims.length > MAX_RANK) throw new ConvertError(`${describe(node)}: more than ${MAX_RANK} axes`);
}

function withLike(
  node: Node,
  shapes: ReadonlyMap<string, readonly number[]>,
  producer: Map<string, Node>,
): Node {
  const size = shapes.get(node.outputs[0]!)!;
  const seen = new Set<string>();
  const open = [node.inputs[3] ?? "", node.inputs[2] ?? ""];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const source = producer.get(name);
    if (!source || seen.has(name)) continue;
    seen.add(name);
    if (source.type !== "Shape") {
      open.push(...source.inputs);
      continue;
    }
    const like = source.inputs[0]!;
    const shape = shapes.get(like);
    if (like === node.inputs[0] || shape?.length !== 4 || shape[2] !== size[2] || shape[3] !== size[3])
      continue;
    const [x, roi, scales, sizes] = node.inputs;
    return { ...node, inputs: [x!, roi ?? "", scales ?? "", sizes ?? "", like] };
  }
  return node;
}

function constantOf(node: Node): Constant {
  const { value, value_float, value_int, value_floats, value_ints } = node.attributes;
  if (value && typeof value === "object" && "dims" in value) return value;
  if (typeof value_float === "number")
    return { dims: [], type: FLOAT, values: arrayOf(FLOAT, [value_float]) };
  if (typeof value_int === "number") return { dims: [], type: INT64, values: arrayOf(INT64, [value_int]) };
  const list = (value_floats ?? value_ints) as readonly number[] | undefined;
  if (!list) throw new ConvertError(`${describe(node)}: a constant of this kind is not supported`);
  const type = value_floats ? FLOAT : INT64;
  return { dims: [list.length], type, values: arrayOf(type, list) };
}

function shapeConstant(node: Node, shapes: ReadonlyMap<string, readonly number[]>): Constant {
  const shape = shapes.get(node.inputs[0]!)!;
  const end = node.attributes.end === undefined ? shape.length : numberOf(node, "end", 0);
  return vector(shape.slice(numberOf(node, "start", 0), end));
}

function vector(values: readonly number[]): Constant {
  return { dims: [values.length], type: INT64, values: arrayOf(INT64, values) };
}
