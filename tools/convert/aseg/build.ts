/** From a lowered graph and the quantisation of its tensors to the model of a file. */

import * as format from "../../../src/format.js";
import { type Attributes, NO_ATTRIBUTES, type Op, type Tensor } from "../../../src/ops.js";
import { ConvertError } from "../errors.js";
import { INPUT } from "../expression.js";
import { describe, type Graph, type Node, numberOf, shapeOf } from "../graph.js";
import { activationsOf, INPUT_QUANTIZATION } from "../quantize/assign.js";
import { type Quantization, quantize } from "../quantize/numbers.js";
import { type Filters, filtersOf, gateTable, lookupTable } from "./weights.js";

/** Tensors with their names, and operations. */
export interface Program {
  readonly tensors: Tensor[];
  readonly names: string[];
  readonly ops: Op[];
}

const NO_ARRAYS = {
  weights: new Int8Array(0),
  bias: new Int32Array(0),
  scales: new Float32Array(0),
  table: new Int8Array(0),
};

/** Name of the tensor that `argmax` writes. */
const MASK = "mask";

/**
 * Operations from `input` to `argmax` for a lowered graph.
 *
 * @param note is told what could not be kept exactly
 * @throws ConvertError if a number does not fit the format
 */
export function build(
  graph: Graph,
  quantizations: ReadonlyMap<string, Quantization>,
  note: (text: string) => void,
): Program {
  const builder = new Builder(graph, quantizations, note);
  const own = quantizations.get(graph.input)!;
  builder.write(format.INPUT, [], graph.input, 3, INPUT_QUANTIZATION);
  if (!equal(own, INPUT_QUANTIZATION)) builder.requantizeByTable(graph.input, own);
  for (const node of graph.nodes) builder.add(node);
  const mask = { scale: 1, zero: 0, min: -128, max: 127 };
  builder.write(format.ARGMAX, [graph.output], graph.output === MASK ? `${MASK}#` : MASK, 1, mask);
  return builder;
}

function equal(a: Quantization, b: Quantization): boolean {
  return a.scale === b.scale && a.zero === b.zero && a.min === b.min && a.max === b.max;
}

class Builder implements Program {
  readonly tensors: Tensor[] = [];
  readonly names: string[] = [];
  readonly ops: Op[] = [];
  private readonly ids = new Map<string, number>();
  private readonly activations: ReadonlyMap<string, Node>;

  constructor(
    private readonly graph: Graph,
    private readonly quantizations: ReadonlyMap<string, Quantization>,
    private readonly note: (text: string) => void,
  ) {
    this.activations = activationsOf(graph);
  }

  /** Appends an operation that writes a new tensor. */
  write(
    code: number,
    inputs: readonly string[],
    output: string,
    channels: number,
    { scale, zero, min, max }: Quantization,
    attributes: Partial<Attributes> = {},
    arrays: Partial<Op> = {},
  ): void {
    const id = this.tensors.length;
    if (id >= format.NO_TENSOR) throw new ConvertError(`more than ${format.NO_TENSOR} tensors`);
    const isWide = min < -128 || max > 127;
    if (isWide && output !== this.graph.output)
      throw new ConvertError(`tensor "${output}": only 8 bits are supported`);
    if (channels > format.MAX_CHANNELS) throw new ConvertError(`tensor "${output}": ${channels} channels`);
    this.tensors.push({ channels, scale, zero, min, max });
    this.names.push(output);
    const ids = inputs.map((input) => this.ids.get(input)!);
    this.ops.push({
      code,
      inputs: ids,
      output: id,
      attributes: { ...NO_ATTRIBUTES, ...attributes },
      ...NO_ARRAYS,
      ...arrays,
    });
    this.ids.set(output, id);
  }

  /** Gives a written tensor another quantisation, by a table; from then on the name stands for the new one. */
  requantizeByTable(tensor: string, requested: Quantization): void {
    const id = this.ids.get(tensor)!;
    const table = lookupTable(INPUT, this.tensors[id]!, requested);
    this.names[id] = `${tensor}#raw`;
    this.write(format.LOOKUP, [tensor], tensor, this.tensors[id]!.channels, requested, {}, { table });
  }

  add(node: Node): void {
    const output = node.outputs[0]!;
    const [input, second] = node.inputs as [string, string];
    const channels = shapeOf(this.graph, output)[1]!;
    const q = this.quantizations.get(output)!;
    const before = this.quantizations.get(input)!;
    const plain = (code: number, attributes: Partial<Attributes> = {}): void =>
      this.write(code, node.inputs, output, channels, q, attributes);
    switch (node.type) {
      case "conv":
        this.addConvolution(node, channels, before, q);
        break;
      case "maxPool":
        this.addKeeping(node, format.MAX_POOL, windowAttributes(node), before, q);
        break;
      case "averagePool":
        plain(format.AVERAGE_POOL, { ...windowAttributes(node), mode: numberOf(node, "mode", 0) });
        break;
      case "globalAveragePool":
        plain(format.GLOBAL_AVERAGE_POOL);
        break;
      case "gate": {
        const { table, scale } = gateTable(node.expression!, this.quantizations.get(second)!);
        const attributes = { numerator: numberOf(node, "factor", 1) };
        const arrays = { table, scales: Float32Array.of(scale) };
        this.write(format.GATE, [input, second], output, channels, q, attributes, arrays);
        break;
      }
      case "function": {
        if (this.activations.has(input)) break;
        const table = lookupTable(node.expression!, before, q);
        this.write(format.LOOKUP, [input], output, channels, q, {}, { table });
        break;
      }
      case "resize":
        plain(format.RESIZE, {
          mode: numberOf(node, "mode", 0),
          numerator: numberOf(node, "numerator", 0),
          denominator: numberOf(node, "denominator", 0),
        });
        break;
      case "add":
        plain(format.ADD);
        break;
      case "multiply":
        plain(format.MULTIPLY);
        break;
      case "concat":
        plain(format.CONCAT);
        break;
      case "pad": {
        const [padTop, padLeft, padBottom, padRight] = node.attributes.pads as [
          number,
          number,
          number,
          number,
        ];
        const mode = numberOf(node, "mode", format.PAD_VALUE);
        const outside = quantize(numberOf(node, "value", 0), { ...before, min: -128, max: 127 });
        const value = mode === format.PAD_VALUE ? outside : 0;
        this.addKeeping(node, format.PAD, { padTop, padLeft, padBottom, padRight, value, mode }, before, q);
        break;
      }
      case "depthToSpace": {
        const [strideY, strideX] = node.attributes.block as [number, number];
        const [padTop, padLeft, padBottom, padRight] = node.attributes.pads as [
          number,
          number,
          number,
          number,
        ];
        const mode = numberOf(node, "mode", 0);
        const attributes = { strideY, strideX, padTop, padLeft, padBottom, padRight, mode };
        this.addKeeping(node, format.DEPTH_TO_SPACE, attributes, before, q);
        break;
      }
      case "prelu": {
        const slopes = this.graph.constants.get(second)!.values;
        const scales = Float32Array.from(slopes);
        this.write(format.PRELU, [input], output, channels, q, {}, { scales });
        break;
      }
      case "reduceMax":
        this.addKeeping(node, format.REDUCE_MAX, { mode: numberOf(node, "mode", 0) }, before, q);
        break;
      case "groupNorm": {
        const attributes = { groups: numberOf(node, "groups", 1), mode: numberOf(node, "mode", 0) };
        const scales = Float32Array.of(numberOf(node, "epsilon", 1e-5));
        this.write(format.GROUP_NORM, [input], output, channels, q, attributes, { scales });
        break;
      }
      case "maxUnpool": {
        const [strideY, strideX] = node.attributes.strides as [number, number];
        this.addKeeping(node, format.MAX_UNPOOL, { strideY, strideX }, before, q);
        break;
      }
      default:
        throw new ConvertError(`${describe(node)}: not supported`);
    }
  }

  private addConvolution(node: Node, channels: number, before: Quantization, sums: Quantization): void {
    const input = node.inputs[0]!;
    const inChannels = shapeOf(this.graph, input)[1]!;
    const { arrays, output, q } = this.activate(filtersOf(this.graph, node, before, this.note), node, sums);
    const window = windowAttributes(node);
    const group = numberOf(node, "group", 1);
    const isPoint =
      window.kernelHeight * window.kernelWidth * window.strideY * window.strideX === 1 &&
      window.padTop + window.padLeft + window.padBottom + window.padRight === 0;
    if (isPoint && group === 1) this.write(format.POINTWISE, [input], output, channels, q, {}, arrays);
    else if (group === inChannels && group === channels) {
      this.write(format.DEPTHWISE, [input], output, channels, q, window, arrays);
    } else {
      const attributes = { ...window, groups: group };
      this.write(format.CONVOLUTION, [input], output, channels, q, attributes, arrays);
    }
  }

  /** A convolution's arrays, output and quantisation together with those of the function that follows, where one does. */
  private activate(
    { scales, ...filters }: Filters,
    { outputs }: Node,
    sums: Quantization,
  ): { arrays: Partial<Op>; output: string; q: Quantization } {
    const name = outputs[0]!;
    const follower = this.activations.get(name);
    if (!follower) return { arrays: { ...filters, scales }, output: name, q: sums };
    const output = follower.outputs[0]!;
    const q = this.quantizations.get(output)!;
    const table = lookupTable(follower.expression!, sums, q, format.ACTIVATION_ENTRIES);
    return { arrays: { ...filters, scales: Float32Array.of(...scales, sums.scale), table }, output, q };
  }

  /** An operation that keeps the scale of its input; where the file wants another one, a table follows. */
  private addKeeping(
    node: Node,
    code: number,
    attributes: Partial<Attributes>,
    before: Quantization,
    q: Quantization,
  ): void {
    const output = node.outputs[0]!;
    const isBorder = code === format.PAD && attributes.mode === format.PAD_VALUE;
    const value = isBorder ? attributes.value! : code === format.MAX_UNPOOL ? before.zero : before.min;
    const [min, max] = [Math.min(before.min, value), Math.max(before.max, value)];
    const channels = shapeOf(this.graph, output)[1]!;
    const keeps = q.scale === before.scale && q.zero === before.zero && q.min <= min && q.max >= max;
    this.write(code, node.inputs, output, channels, keeps ? q : { ...before, min, max }, attributes);
    if (!keeps) this.requantizeByTable(output, q);
  }
}

type WindowAttributes = Omit<Attributes, "groups" | "mode" | "numerator" | "denominator" | "value">;

function windowAttributes(node: Node): WindowAttributes {
  const { kernel, strides, dilations, pads } = node.attributes as Record<string, readonly number[]>;
  const numbers = [...kernel!, ...strides!, ...dilations!, ...pads!];
  if (numbers.some((value) => value > 255)) {
    throw new ConvertError(`${describe(node)}: kernel, stride, dilation or padding above 255`);
  }
  return {
    kernelHeight: kernel![0]!,
    kernelWidth: kernel![1]!,
    strideY: strides![0]!,
    strideX: strides![1]!,
    dilationY: dilations![0]!,
    dilationX: dilations![1]!,
    padTop: pads![0]!,
    padLeft: pads![1]!,
    padBottom: pads![2]!,
    padRight: pads![3]!,
  };
}
