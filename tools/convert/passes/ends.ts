/** The two ends of a network: what the input image and the final argmax make needless. */
import { ConvertError } from "../errors.js";
import {
  describe,
  freshName,
  type Graph,
  type Node,
  type Pass,
  producers,
  prune,
  readers,
  shapeOf,
  stringOf,
} from "../graph.js";
import { constantInput } from "../onnx/inputs.js";
import { FLOAT } from "../onnx/read.js";

/** Operations after the logits that do not change which class is largest. */
const MONOTONE = new Set(["Softmax", "LogSoftmax", "Sigmoid", "Identity"]);

/** What is known of the end of a network while nodes are taken off it. */
interface End {
  readonly output: string;
  /** Bound between background and class, where a network of one class names it. */
  readonly threshold?: number;
  readonly notes: readonly string[];
}

/**
 * Takes off the output what `argmax` does itself or does not mind: ArgMax, Softmax, LogSoftmax and Sigmoid over channels,
 * and one bilinear upsampling with half-pixel centres. The scores of a single class become those of two: 0, and the score
 * less the bound that it must pass.
 *
 * @param bound probability above which a pixel is of the class, where there is only one
 */
export function tail(bound: number): Pass {
  return (graph) => {
    const notes: string[] = [];
    const read = readers(graph);
    const producer = producers(graph);
    let output = graph.output;
    let threshold: number | undefined;
    let isProbability = false;
    const last = producer.get(output);
    if (
      last &&
      (last.type === "Greater" || last.type === "GreaterOrEqual") &&
      isAlone(graph, last.inputs[0]!)
    ) {
      const constant = graph.constants.get(last.inputs[1]!);
      if (constant?.values.length !== 1) throw new ConvertError(`${describe(last)}: only with one number`);
      threshold = constant.values[0]!;
      output = last.inputs[0]!;
    }
    let isUpsampled = false;
    let isArgMax = false;
    for (let node = producer.get(output); node; node = producer.get(output)) {
      if (read.get(output)!.length > 1 && output !== graph.output) break;
      if (node.type === "ArgMax" && !isArgMax && !isUpsampled && threshold === undefined) {
        if (isAlone(graph, node.inputs[0]!))
          throw new ConvertError(`${describe(node)}: there is only one class`);
        isArgMax = true;
      } else if (MONOTONE.has(node.type)) {
        const isOne = isAlone(graph, node.inputs[0]!);
        // enlarged probabilities are not those of enlarged scores
        if (isUpsampled && (isOne || node.type === "Sigmoid")) break;
        if (isUpsampled && node.type !== "Identity") {
          notes.push(
            `${describe(node)}: left out before the enlargement, so edges between classes may differ a little`,
          );
        }
        if (isOne && node.type === "Softmax")
          throw new ConvertError(`${describe(node)}: there is only one class`);
        if (isOne && node.type === "Sigmoid") isProbability = true;
      } else if (!isUpsampled && isUpsample(graph, node)) {
        isUpsampled = true;
      } else {
        break;
      }
      output = node.inputs[0]!;
    }
    const end: End = { output, notes, ...(threshold !== undefined && { threshold }) };
    const shape = shapeOf(graph, output);
    if (shape[1] !== 1) return prune(finished(graph, end));
    const before = producer.get(output);
    const isSigmoid = before?.type === "Sigmoid" || before?.type === "HardSigmoid";
    return prune(single(graph, end, isProbability, isSigmoid, bound));
  };
}

function finished(graph: Graph, { output, notes }: End): Graph {
  return { ...graph, output, notes: [...(graph.notes ?? []), ...notes] };
}

const isAlone = (graph: Graph, tensor: string): boolean => shapeOf(graph, tensor)[1] === 1;

/** The scores of one class as those of two: background 0, class score - bound. */
function single(graph: Graph, end: End, isLogit: boolean, isProbability: boolean, bound: number): Graph {
  const probability = end.threshold ?? bound;
  const logit = Math.log(probability / (1 - probability));
  const limit = isLogit ? logit : isProbability ? probability : (end.threshold ?? 0);
  const [input, shape] = [end.output, shapeOf(graph, end.output)];
  const output = freshName(graph, `${input}#classes`);
  const known = graph.quantization.get(input);
  const constants = new Map(graph.constants);
  const shapes = new Map(graph.shapes).set(output, [1, 2, shape[2]!, shape[3]!]);
  const measures = new Map(graph.measures);
  const quantization = new Map(graph.quantization);
  if (known && limit === 0) quantization.set(output, known);
  measures.set(output, { tensor: input, factors: [1], offsets: [limit], holdsZero: true });
  constants.set(`${output}#weights`, { dims: [2, 1, 1, 1], type: FLOAT, values: Float64Array.of(0, 1) });
  constants.set(`${output}#bias`, { dims: [2], type: FLOAT, values: Float64Array.of(0, -limit) });
  const node: Node = {
    name: "classes",
    type: "Conv",
    inputs: [input, `${output}#weights`, `${output}#bias`],
    outputs: [output],
    attributes: { kernel_shape: [1, 1] },
  };
  const what = isLogit || isProbability ? `probability above ${probability}` : `score above ${limit}`;
  const notes = [...end.notes, `one class: class 1 is a ${what}, class 0 the rest (--threshold)`];
  const made = { ...graph, nodes: [...graph.nodes, node], constants, shapes, quantization, measures };
  return finished(folded(made, node), { output, notes });
}

/** The convolution to two classes as part of the one before it. */
function folded(graph: Graph, node: Node): Graph {
  const before = producers(graph).get(node.inputs[0]!);
  const weights = graph.constants.get(before?.inputs[1] ?? "");
  const biasName = before?.inputs[2];
  const bias = biasName ? graph.constants.get(biasName) : undefined;
  const isRead =
    readers(graph)
      .get(node.inputs[0]!)!
      .filter((reader) => reader !== undefined).length > 1;
  const isKept = graph.quantization.has(node.inputs[0]!);
  if (before?.type !== "Conv" || !weights || isRead || isKept || (biasName && !bias)) return graph;
  const shift = graph.constants.get(node.inputs[2]!)!.values[1]!;
  const constants = new Map(graph.constants);
  const count = weights.values.length;
  const values = new Float64Array(2 * count);
  values.set(weights.values, count);
  constants.set(node.inputs[1]!, { dims: [2, ...weights.dims.slice(1)], type: FLOAT, values });
  const biases = Float64Array.of(0, (bias?.values[0] ?? 0) + shift);
  constants.set(node.inputs[2]!, { dims: [2], type: FLOAT, values: biases });
  const made = { ...before, inputs: [before.inputs[0]!, ...node.inputs.slice(1)], outputs: node.outputs };
  const nodes = graph.nodes
    .filter((other) => other !== before)
    .map((other) => (other === node ? made : other));
  return { ...graph, nodes, constants };
}

function isUpsample(graph: Graph, node: Node): boolean {
  if (node.type !== "Resize" || !stringOf(node, "mode", "nearest").startsWith("linear")) return false;
  const mode = stringOf(node, "coordinate_transformation_mode", "half_pixel");
  const [from, to] = [shapeOf(graph, node.inputs[0]!), shapeOf(graph, node.outputs[0]!)];
  const scales = constantInput(graph, node, 2) ?? [];
  const isEven = [2, 3].every((axis) => to[axis]! >= from[axis]! && to[axis]! > 1);
  return (
    isEven &&
    from[1] === to[1] &&
    ["half_pixel", "pytorch_half_pixel"].includes(mode) &&
    scales.every((s) => s >= 1)
  );
}
