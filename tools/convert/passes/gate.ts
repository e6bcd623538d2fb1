import { NEAREST } from "../../../src/format.js";
import { compose, type Expression, INPUT, isSmall } from "../expression.js";
import { type Graph, type Node, producers, prune, readers, shapeOf } from "../graph.js";

interface Found {
  /** The condensed tensor. */
  readonly source: string;
  readonly expression: Expression;
  readonly factor: number;
}

/**
 * Attention condensers: v * upsample(f(a)) or v * f(upsample(a)), to the nearest by a whole factor,
 * as one `gate` of v and a; and v * f(a) at the same size, with the factor 1.
 */
export function gate(graph: Graph): Graph {
  const read = readers(graph);
  const producer = producers(graph);
  const nodes = graph.nodes.map((node): Node => {
    if (node.type !== "Mul" || node.inputs.length !== 2) return node;
    const [a, b] = node.inputs as [string, string];
    const [left, right] = [a, b].map((name) => condensed(graph, read, producer, name));
    const fits = (found: Found | undefined, value: string): found is Found =>
      found !== undefined && matches(graph, found, value);
    const pickRight = fits(right, a) && !(fits(left, b) && left.factor > right.factor);
    const found = pickRight ? right : fits(left, b) ? left : undefined;
    if (!found) return node;
    return {
      ...node,
      type: "gate",
      inputs: [pickRight ? a : b, found.source],
      attributes: { factor: found.factor },
      expression: found.expression,
    };
  });
  return prune({ ...graph, nodes });
}

/** Walks back from a factor of a product over functions and at most one upsampling that nothing else reads. */
function condensed(
  graph: Graph,
  read: ReadonlyMap<string, readonly unknown[]>,
  producer: ReadonlyMap<string, Node>,
  factorName: string,
): Found | undefined {
  let source = factorName;
  let expression: Expression = INPUT;
  let factor = 0;
  let isFunction = false;
  for (let node = producer.get(source); node && read.get(source)!.length === 1; node = producer.get(source)) {
    const ratio = factor === 0 ? upsampleFactor(graph, node) : 0;
    const isUpsample = ratio > 0;
    if (node.type !== "function" && !isUpsample) break;
    const known = graph.quantization.get(source);
    const before = graph.quantization.get(node.inputs[0]!);
    const isSame = isUpsample && known?.scale === before?.scale && known?.zero === before?.zero;
    let inner = isUpsample ? INPUT : node.expression!;
    if (known && !isSame) inner = { kind: "quantize", of: inner, quantization: known };
    const composed = compose(expression, inner);
    if (!isSmall(composed)) break;
    expression = composed;
    if (isUpsample) factor = ratio;
    else isFunction = true;
    source = node.inputs[0]!;
  }
  return factor > 0 || isFunction ? { source, expression, factor: Math.max(1, factor) } : undefined;
}

/** The whole number by which a node upsamples both axes to the nearest, or 0 if it does something else. */
function upsampleFactor(graph: Graph, node: Node): number {
  if (node.type !== "resize" || node.attributes.mode !== NEAREST || node.clamp) return 0;
  const [from, to] = [shapeOf(graph, node.inputs[0]!), shapeOf(graph, node.outputs[0]!)];
  if (node.inputs.length > 1 && from[2] === 1 && from[3] === 1) return 0;
  const ratio = to[2]! / from[2]!;
  return Number.isInteger(ratio) && from[3]! * ratio === to[3] ? ratio : 0;
}

function matches(graph: Graph, { source, factor }: Found, value: string): boolean {
  const [v, a] = [shapeOf(graph, value), shapeOf(graph, source)];
  return (
    v.length === 4 && a.length === 4 && v[1] === a[1] && v[2] === a[2]! * factor && v[3] === a[3]! * factor
  );
}
