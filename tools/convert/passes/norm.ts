/** Norms that exporters write in parts. */
import { type Graph, type Node, producers } from "../graph.js";
import { reducedAxes } from "../onnx/inputs.js";

/**
 * (x - mean) / sqrt(mean of its square + epsilon) as one MeanVarianceNormalization with axes and epsilon. Its parts go where
 * nothing else reads them.
 */
export function norm(graph: Graph): Graph {
  const producer = producers(graph);
  const of = (tensor: string | undefined, type: string): Node | undefined => {
    const node = producer.get(tensor ?? "");
    return node?.type === type ? node : undefined;
  };
  const number = (tensor: string | undefined): number | undefined => {
    const values = graph.constants.get(tensor ?? "")?.values;
    return values?.length === 1 ? values[0] : undefined;
  };
  /** Input and axes of a mean that keeps its axes. */
  const meanOf = (tensor: string | undefined): { input: string; axes: number[] } | undefined => {
    const node = of(tensor, "ReduceMean");
    const rank = graph.shapes.get(node?.inputs[0] ?? "")?.length;
    if (!node || rank === undefined || node.attributes.keepdims === 0) return undefined;
    return { input: node.inputs[0]!, axes: reducedAxes(graph, node, rank) };
  };
  /** Input and axes of a tensor less its mean. */
  const centered = (tensor: string | undefined): { input: string; axes: number[] } | undefined => {
    const [input, mean] = of(tensor, "Sub")?.inputs ?? [];
    const found = meanOf(mean);
    return found?.input === input ? found : undefined;
  };
  /** What is squared. */
  const rootOfSquare = (tensor: string): string | undefined => {
    const [a, b] = (of(tensor, "Pow") ?? of(tensor, "Mul"))?.inputs ?? [];
    const isSquare = of(tensor, "Pow") ? number(b) === 2 : a === b;
    return isSquare ? a : undefined;
  };
  const nodes = graph.nodes.map((node): Node => {
    if (node.type !== "Div") return node;
    const [difference, deviation] = node.inputs;
    const top = centered(difference);
    const sum = of(of(deviation, "Sqrt")?.inputs[0], "Add")?.inputs ?? [];
    const [variance, epsilon] =
      number(sum[1]) === undefined ? [sum[1], number(sum[0])] : [sum[0], number(sum[1])];
    const square = meanOf(variance);
    const bottom = square && centered(rootOfSquare(square.input));
    const isNorm =
      top &&
      bottom &&
      epsilon !== undefined &&
      bottom.input === top.input &&
      [square.axes, bottom.axes].every((axes) => axes.join() === top.axes.join());
    if (!isNorm) return node;
    const attributes = { axes: top.axes, epsilon };
    return { ...node, type: "MeanVarianceNormalization", inputs: [top.input], attributes };
  });
  return { ...graph, nodes };
}
