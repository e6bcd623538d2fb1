import { ConvertError, checking } from "../errors.js";
import type { Normalization } from "../feed.js";
import { describe, type Graph, LOWERED, type Pass, type Problem, prune } from "../graph.js";
import { layout } from "../layout/index.js";
import { SUPPORTED } from "../onnx/shapes.js";
import { affine, channels } from "./affine.js";
import { arithmetic } from "./arithmetic.js";
import { batchNorm } from "./batch-norm.js";
import { concat } from "./concat.js";
import { conv } from "./conv.js";
import { tail } from "./ends.js";
import { functions, merge } from "./functions.js";
import { gate } from "./gate.js";
import { input } from "./input.js";
import { norm } from "./norm.js";
import { pad } from "./pad.js";
import { pooling } from "./pooling.js";
import { prelu } from "./prelu.js";
import { quantization } from "./quantization.js";
import { resize } from "./resize.js";
import { select } from "./select.js";
import { softmax } from "./softmax.js";

/** What the passes need to know besides the graph. */
export interface LowerOptions extends Normalization {
  /** Probability above which a pixel is of the class, where there is only one; default 0.5. */
  readonly threshold?: number;
}

/** The passes in the order in which they run. */
export function passList(graph: Graph, options: LowerOptions): readonly (readonly [string, Pass])[] {
  const { mean, std, order, threshold = 0.5 } = options;
  const shape = graph.shapes.get(graph.input)!;
  const steps = {
    ...(mean && { mean }),
    ...(std && { std }),
    isBlueFirst: order === "BGR",
    isGrey: !shape.includes(3, 1),
    isLevels: options.isLevels ?? false,
  };
  return [
    ["quantization", quantization],
    ["norm", norm],
    ["layout", layout],
    ["tail", tail(threshold)],
    ["input", input(steps)],
    ["resize", resize],
    ["conv", conv],
    ["pooling", pooling],
    ["softmax", softmax],
    ["concat", concat],
    ["batchNorm", batchNorm],
    ["channels", channels],
    ["select", select],
    ["affine", affine],
    ["pad", pad],
    ["functions", functions],
    ["prelu", prelu],
    ["merge", merge],
    ["gate", gate],
    ["arithmetic", arithmetic],
  ];
}

/**
 * Runs all passes; what remains are nodes of the types `LOWERED`.
 *
 * @throws ConvertError that names every node that no pass could lower
 */
export function lower(graph: Graph, options: LowerOptions = {}): Graph {
  const { problems = [] } = graph;
  const isCut = problems.length > 0;
  let current = graph;
  for (const [name, pass] of passList(graph, options)) {
    current = checking(`the graph, at the step "${name}"`, () => prune(pass(current)));
    if (name === "layout" && (isCut || (current.problems ?? []).length > 0)) throw refusal(current.problems!);
  }
  const left = current.nodes.filter(({ type }) => !(LOWERED as readonly string[]).includes(type));
  if (left.length > 0) {
    throw refusal(
      left.map((node) => ({ type: node.type, message: `${describe(node)}: not supported here` })),
    );
  }
  return current;
}

/** Nodes named of each kind of problem. */
const NAMED = 3;

/** One error for all problems: the kinds of node with their number, and what is said of the first. */
function refusal(problems: readonly Problem[]): ConvertError {
  const [first] = problems;
  const isUnknown = problems.some(
    ({ type, message }) => !SUPPORTED.includes(type) && message.endsWith("not supported"),
  );
  const list = isUnknown ? `; supported are ${SUPPORTED.join(", ")}` : "";
  if (problems.length === 1) return new ConvertError(first!.message + list);
  const kinds = new Map<string, Problem[]>();
  for (const problem of problems) kinds.set(problem.type, [...(kinds.get(problem.type) ?? []), problem]);
  const lines = Array.from(kinds, ([type, all]) => {
    const said = all.slice(0, NAMED).map(({ message }) => message);
    const more = all.length > NAMED ? `; and ${all.length - NAMED} more` : "";
    return `${all.length} ${type}: ${said.join("; ")}${more}`;
  });
  return new ConvertError(`${problems.length} nodes cannot be converted\n  ${lines.join("\n  ")}${list}`);
}
