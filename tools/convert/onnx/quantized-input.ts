/** An input of 8 bits that the file reads at once as real numbers. */
import type { Constant, Node } from "../graph.js";
import { FLOAT, INT8, type OnnxValue } from "./read.js";

/** Names that no exporter writes. */
const CENTERED = "input#centered";
const REAL = "input#real";
const QUANTIZED = "input#quantized";

/**
 * The nodes of a file whose input of integers only DequantizeLinear reads, with an input of real numbers, levels of 0..255,
 * instead: what turns levels into the numbers that those integers stand for, and QuantizeLinear. int8 is levels - 128.
 * Other files' nodes as they are.
 *
 * @param constants gains those of the new nodes
 */
export function quantizedInput(
  nodes: readonly Node[],
  { name, type }: OnnxValue,
  constants: Map<string, Constant>,
): Node[] {
  const readers = nodes.filter(({ inputs }) => inputs.includes(name));
  const first = readers[0];
  if (!first || readers.some((node) => node.type !== "DequantizeLinear")) return [...nodes];
  const [, scale = "", zero = ""] = first.inputs;
  const offset = type === INT8 ? 128 : 0;
  const center = offset + (constants.get(zero)?.values[0] ?? 0);
  constants.set(CENTERED, { dims: [], type: FLOAT, values: Float32Array.of(center) });
  const base = { name: "input", attributes: {} };
  const inside = `${CENTERED}#real`;
  return [
    { ...base, type: "Sub", inputs: [name, CENTERED], outputs: [inside] },
    { ...base, type: "Mul", inputs: [inside, scale], outputs: [REAL] },
    { ...first, type: "QuantizeLinear", inputs: [REAL, ...first.inputs.slice(1)], outputs: [QUANTIZED] },
    ...nodes.map((node) =>
      readers.includes(node) ? { ...node, inputs: [QUANTIZED, ...node.inputs.slice(1)] } : node,
    ),
  ];
}
