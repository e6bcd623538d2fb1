/** Shape arithmetic done ahead: what follows from constants and known shapes becomes a constant. */

import { ConvertError, checking } from "../errors.js";
import { FORMULAS, PARAMETERS } from "../expression.js";
import {
  type Constant,
  describe,
  type Graph,
  type Node,
  numberOf,
  type Problem,
  producers,
} from "../graph.js";
import { arrayOf } from "./constants.js";
import { partsOf } from "./inputs.js";
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
 * Nodes that are not supported or whose shapes do not fit become problems of the graph, and what follows from them is
 * left without a shape.
 *
 * @throws ConvertError at a constant that cannot be computed
 */
export function foldConstants(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes);
  for (const [name, constant] of constants) shapes.set(name, constant.dims);
  const producer = producers(graph);
  const nodes: Node[] = [];
  const problems: Problem[] = [];
  const failed = new Set<string>();
  let budget = COMPUTED_ELEMENTS;
  for (const { values } of constants.values()) budget += COMPUTED_RATIO * values.length;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => constants.get(input));
    if (node.inputs.some((input) => failed.has(input))) {
      for (const output of node.outputs) failed.add(output);
      nodes.push(node);
      continue;
    }
    if (node.type === "Split" && inputs[0]) {
      const given: Graph = { ...graph, constants };
      checking(describe(node), () => splitConstant(given, node, inputs[0]!)).forEach((part, index) => {
        constants.set(node.outputs[index]!, part);
        shapes.set(node.outputs[index]!, part.dims);
      });
      continue;
    }
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
    try {
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
    } catch (error) {
      if (!(error instanceof ConvertError)) throw error;
      problems.push({ type: node.type, message: error.message });
      for (const output of node.outputs) failed.add(output);
      nodes.push(node);
    }
  }
  return { ...graph, nodes, constants, shapes, problems };
}

/** A function of one value, of a constant. */
function functionOf(node: Node, { dims, type, values }: Constant): Constant {
  const parameters = (PARAMETERS[node.type] ?? []).map(([name, fallback]) => numberOf(node, name, fallback));
  const formula = FORMULAS[node.type]!;
  return {
    dims,
    type,
    values: arrayOf(
      type,
      Array.from(values, (x) => formula(x, 0, parameters)),
    ),
  };
}

function splitConstant(graph: Graph, node: Node, { dims, type, values }: Constant): Constant[] {
  const axis = (numberOf(node, "axis", 0) + dims.length) % dims.length;
  const inner = dims.slice(axis + 1).reduce((total, size) => total * size, 1);
  let first = 0;
  return partsOf(graph, node, dims[axis]!).map((size): Constant => {
    const start = first;
    first += size;
    const kept = Array.from(values).filter((_, at) => {
      const index = Math.floor(at / inner) % dims[axis]!;
      return index >= start && index < start + size;
    });
    return { dims: dims.map((all, i) => (i === axis ? size : all)), type, values: arrayOf(type, kept) };
  });
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
  const [first] = inputs;
  if (!isKnown || !first) return undefined;
  const operate = OPERATORS[node.type];
  if (operate) return operate(node, inputs);
  return Object.hasOwn(FORMULAS, node.type) && inputs.length === 1 ? functionOf(node, first) : undefined;
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
