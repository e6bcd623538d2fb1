/** Operators that compute with integers (onnxruntime's QOperator format) as what they stand for. */
import { ConvertError } from "../errors.js";
import { type Constant, describe, type Node, numberOf } from "../graph.js";
import { FLOAT } from "./read.js";

/** Names of a tensor's scale and zero point. */
type Parameters = readonly [scale: string, zero: string];

/** How the inputs of an operator are laid out, and the operator on real numbers. */
interface Form {
  readonly type: string;
  /** Where the inputs with scale and zero point begin; `rest`: from the first on as many as there are. */
  readonly inputs: readonly number[] | "rest";
  /** Where scale and zero point of the output are. */
  readonly output: number;
  /** Where an int32 bias is, whose scale is the product of the inputs' scales. */
  readonly bias?: number;
}

const ONE = { inputs: [0], output: 3 };
const TWO = { inputs: [0, 3], output: 6 };

const FORMS: Readonly<Record<string, Form>> = {
  QLinearConv: { ...TWO, type: "Conv", bias: 8 },
  QLinearMatMul: { ...TWO, type: "MatMul" },
  "com.microsoft.QGemm": { inputs: [0, 3], output: 7, type: "Gemm", bias: 6 },
  "com.microsoft.QLinearAdd": { ...TWO, type: "Add" },
  "com.microsoft.QLinearMul": { ...TWO, type: "Mul" },
  "com.microsoft.QLinearConcat": { inputs: "rest", output: 0, type: "Concat" },
  "com.microsoft.QLinearSigmoid": { ...ONE, type: "Sigmoid" },
  "com.microsoft.QLinearLeakyRelu": { ...ONE, type: "LeakyRelu" },
  "com.microsoft.QLinearAveragePool": { ...ONE, type: "AveragePool" },
  "com.microsoft.QLinearGlobalAveragePool": { ...ONE, type: "GlobalAveragePool" },
};

/** Operators that take integers as they take real numbers. */
const MOVING = new Set(
  (
    "MaxPool Resize Reshape Flatten Squeeze Unsqueeze Transpose Slice Split Gather Identity " +
    "DepthToSpace SpaceToDepth Concat Expand Tile ArgMax"
  ).split(" "),
);

/**
 * The nodes of a file with DequantizeLinear before, and QuantizeLinear behind, the real form of each operator that computes
 * with integers. Other files' nodes as they are.
 *
 * A tensor that the file dequantizes is computed under the file's name, so that its values can be measured; what was
 * dequantized has "#kept" behind it.
 *
 * @param output of the graph
 * @param constants gains the scales of biases
 * @returns the nodes, and the name of the output from now on
 * @throws ConvertError at a form that is not supported
 */
export function integerOperators(
  nodes: readonly Node[],
  output: string,
  constants: Map<string, Constant>,
): { nodes: Node[]; output: string } {
  if (!nodes.some(({ type }) => Object.hasOwn(FORMS, type))) return { nodes: [...nodes], output };
  const result: Node[] = [];
  /** Of tensors of integers. */
  const known = new Map<string, Parameters>();
  /** The file's names of tensors of integers once they are real. */
  const realNames = new Map<string, string>();
  for (const { type, inputs, outputs } of nodes) {
    if (type === "DequantizeLinear" && !realNames.has(inputs[0]!)) realNames.set(inputs[0]!, outputs[0]!);
  }
  const written = new Set<string>();
  const kept = (name: string): string => (written.has(name) ? `${name}#kept` : name);
  const read = (node: Node, at: number, tensor: string, parameters: Parameters, axis = 0): string => {
    const real = `${node.outputs[0]}#input ${at}`;
    const inputs = [tensor, ...parameters];
    result.push({ ...node, type: "DequantizeLinear", inputs, outputs: [real], attributes: { axis } });
    return real;
  };
  const write = (node: Node, type: string, inputs: readonly string[], parameters: Parameters): void => {
    const reals = node.outputs.map((tensor) => realNames.get(tensor) ?? `${tensor}#real`);
    result.push({ ...node, type, inputs, outputs: reals });
    node.outputs.forEach((tensor, index) => {
      const from = [reals[index]!, ...parameters];
      written.add(reals[index]!);
      known.set(tensor, parameters);
      result.push({ ...node, type: "QuantizeLinear", inputs: from, outputs: [tensor], attributes: {} });
    });
  };
  for (const node of nodes) {
    const form = Object.hasOwn(FORMS, node.type) ? FORMS[node.type] : undefined;
    const given = node.inputs;
    const own = known.get(given[0] ?? "");
    if (form) {
      if (numberOf(node, "channels_last", 0) !== 0) {
        throw new ConvertError(`${describe(node)}: only with channels before rows (channels_last 0)`);
      }
      const starts = form.inputs === "rest" ? given.flatMap((_, i) => (i % 3 === 2 ? [i] : [])) : form.inputs;
      const isLast = form.type === "MatMul" || (form.type === "Gemm" && numberOf(node, "transB", 0) === 0);
      const parametersAt = (at: number): Parameters => [given[at] ?? "", given[at + 1] ?? ""];
      const reals = starts.map((at) =>
        read(node, at, given[at] ?? "", parametersAt(at + 1), isLast ? -1 : 0),
      );
      const { bias: at = -1 } = form;
      if (given[at]) reals.push(read(node, at, given[at], [biasScale(node, starts, constants), ""]));
      write(node, form.type, reals, parametersAt(form.output));
    } else if (MOVING.has(node.type) && own) {
      const reals = given.map((tensor, at) => {
        const parameters = at === 0 || node.type === "Concat" ? known.get(tensor) : undefined;
        return parameters ? read(node, at, tensor, parameters) : tensor;
      });
      if (node.type === "ArgMax") result.push({ ...node, inputs: reals });
      else write(node, node.type, reals, own);
    } else {
      if (node.type === "QuantizeLinear") known.set(node.outputs[0]!, [given[1] ?? "", given[2] ?? ""]);
      result.push({ ...node, inputs: given.map(kept), outputs: node.outputs.map(kept) });
    }
  }
  return { nodes: result, output: kept(output) };
}

/** The scale of an int32 bias, as a constant. */
function biasScale(node: Node, starts: readonly number[], constants: Map<string, Constant>): string {
  const [input, weight] = starts.map((at) => constants.get(node.inputs[at + 1] ?? ""));
  if (!input || !weight) throw new ConvertError(`${describe(node)}: its scales must be constants`);
  const name = `${node.outputs[0]}#bias scale`;
  const factor = Math.fround(input.values[0]! * numberOf(node, "alpha", 1));
  constants.set(name, {
    dims: weight.dims,
    type: FLOAT,
    values: Float32Array.from(weight.values, (x) => x * factor),
  });
  return name;
}
