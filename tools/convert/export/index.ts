/** A model file as an ONNX model of QuantizeLinear and DequantizeLinear, for other runtimes, and to compare ours with. */
import * as format from "../../../src/format.js";
import { bytesOf, kindOf, type Model, type Op, type Size, type Tensor } from "../../../src/ops.js";
import { inferSizes } from "../../../src/shape.js";
import { logitsOf } from "../../common/engine.js";
import { ConvertError } from "../errors.js";
import {
  FLOAT,
  INT8,
  INT32,
  INT64,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxTensor,
  UINT8,
} from "../onnx/read.js";
import { encode, writeOnnx } from "../onnx/write.js";
import { int, ints, resizeAttributes, windowAttributes } from "./attributes.js";

const OPSET = 17;
const INPUT_NAME = "input";
const OUTPUT_NAME = "scores";

/**
 * The same quantised network as ONNX, operator set 17.
 *
 * Its input "input" is float [1, 3, height, width] in 0..1, its output "scores", the logits, float [1, classes, h, w].
 * Activations are uint8, q + 128 or, where q is 0..127 anyway, q: other runtimes have integer kernels for uint8
 * rather than int8; wide logits stay real. Clamps are Clips of the integers, so that nothing stands between a convolution and its
 * QuantizeLinear. The integers of a tensor are called `<name>_quantized`, or `<name>_clipped` where a Clip keeps
 * their range, with the name from the metadata; tables are Gathers from 256 entries.
 *
 * @param height of the input in pixels, a multiple of the model's stride; so is `width`
 * @throws ModelError if the model does not fit the size
 */
export function exportQdq(model: Model, height: number, width: number): Uint8Array {
  return writeOnnx(qdqModel(model, height, width));
}

/** Name of the integers of a tensor in the exported model. */
function integerName(model: Model, id: number): string {
  const { min, max } = model.tensors[id]!;
  return `${floatName(model, id)}_${min === -128 && max === 127 ? "quantized" : "clipped"}`;
}

/** Name of a tensor's real numbers in the exported model. */
function realName(model: Model, id: number): string {
  return id === logitsOf(model) ? OUTPUT_NAME : `${floatName(model, id)}_dequantized`;
}

function floatName(model: Model, id: number): string {
  if (id === model.ops[0]!.output) return INPUT_NAME;
  const names = model.metadata.tensors ?? [];
  const name = new Set(names).size === model.tensors.length ? names[id]! : `tensor${id}`;
  return name === INPUT_NAME || name === OUTPUT_NAME ? `${name}_` : name;
}

function qdqModel(model: Model, height: number, width: number): OnnxModel {
  const writer = new Writer(model, inferSizes(model, height, width));
  for (const op of model.ops) writer.add(op);
  const logits = model.tensors[logitsOf(model)]!;
  const size = writer.sizes[logitsOf(model)]!;
  return {
    opset: OPSET,
    nodes: writer.nodes,
    initializers: writer.initializers,
    inputs: [{ name: INPUT_NAME, type: FLOAT, dims: [1, 3, height, width] }],
    outputs: [{ name: OUTPUT_NAME, type: FLOAT, dims: [1, logits.channels, size.height, size.width] }],
  };
}

class Writer {
  readonly nodes: OnnxModel["nodes"] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly known = new Set<string>();

  constructor(
    private readonly model: Model,
    readonly sizes: readonly Size[],
  ) {}

  add(op: Op): void {
    if (op.code === format.ARGMAX) return;
    const tensor = this.model.tensors[op.output]!;
    if (bytesOf(tensor) > 1) {
      this.compute(op, OUTPUT_NAME);
      return;
    }
    const name = floatName(this.model, op.output);
    const isActivated = op.table.length === format.ACTIVATION_ENTRIES;
    if (op.code === format.LOOKUP || isActivated) {
      const index = isActivated ? this.sumIndex(op, name) : this.tableIndex(op.inputs[0]!, name);
      const entries = Array.from(op.table, (entry) => entry + offsetOf(tensor));
      const table = this.constant(`${name}_table`, UINT8, [entries.length], entries);
      this.node("Gather", [table, index], `${name}_quantized`);
    } else {
      if (op.code !== format.INPUT) this.compute(op, name);
      this.node("QuantizeLinear", [name, ...this.scaleAndZero(name, tensor)], `${name}_quantized`);
    }
    const integers = integerName(this.model, op.output);
    if (integers !== `${name}_quantized`) {
      const bounds = [tensor.min, tensor.max].map((bound, index) =>
        this.constant(`${name}_${index === 0 ? "min" : "max"}`, UINT8, [], [bound + offsetOf(tensor)]),
      );
      this.node("Clip", [`${name}_quantized`, ...bounds], integers);
    }
    const parameters = this.scaleAndZero(name, tensor);
    this.node("DequantizeLinear", [integers, ...parameters], realName(this.model, op.output));
  }

  private compute(op: Op, name: string): void {
    const { attributes: a } = op;
    const inputs = op.inputs.map((id) => realName(this.model, id));
    switch (op.code) {
      case format.CONVOLUTION:
      case format.DEPTHWISE:
      case format.POINTWISE:
        this.convolution(op, name);
        break;
      case format.MAX_POOL:
        this.node("MaxPool", inputs, name, {
          ...windowAttributes(a),
          dilations: ints(a.dilationY, a.dilationX),
        });
        break;
      case format.AVERAGE_POOL:
        this.node("AveragePool", inputs, name, {
          ...windowAttributes(a),
          count_include_pad: int(a.mode === format.COUNT_PADDING ? 1 : 0),
        });
        break;
      case format.GLOBAL_AVERAGE_POOL:
        this.node("GlobalAveragePool", inputs, name);
        break;
      case format.GATE:
        this.gate(op, inputs[0]!, name);
        break;
      case format.RESIZE:
        this.resize(op, inputs, name);
        break;
      case format.ADD:
        this.node("Add", inputs, name);
        break;
      case format.MULTIPLY:
        this.node("Mul", inputs, name);
        break;
      case format.CONCAT:
        this.node("Concat", inputs, name, { axis: int(1) });
        break;
      case format.PAD: {
        const { scale, zero } = this.model.tensors[op.output]!;
        const pads = [0, 0, a.padTop, a.padLeft, 0, 0, a.padBottom, a.padRight];
        const value = this.constant(`${name}_value`, FLOAT, [], [Math.fround(scale * (a.value - zero))]);
        const mode = { kind: "string", value: ["constant", "edge", "reflect"][a.mode]! } as const;
        this.node("Pad", [inputs[0]!, this.constant(`${name}_pads`, INT64, [8], pads), value], name, {
          mode,
        });
        break;
      }
      case format.PRELU: {
        const slopes = this.constant(`${name}_slopes`, FLOAT, [op.scales.length, 1, 1], op.scales);
        this.node("PRelu", [inputs[0]!, slopes], name);
        break;
      }
      case format.REDUCE_MAX:
        if (a.mode === format.OVER_PLANE) this.node("GlobalMaxPool", inputs, name);
        else this.node("ReduceMax", inputs, name, { axes: ints(1), keepdims: int(1) });
        break;
      default:
        throw new ConvertError(`operation "${name}" (${kindOf(op).name}) cannot be exported`);
    }
  }

  private convolution(op: Op, name: string): void {
    const { attributes: a } = op;
    const input = this.model.tensors[op.inputs[0]!]!;
    const outputs = this.model.tensors[op.output]!.channels;
    const isPoint = op.code === format.POINTWISE;
    const [height, width] = isPoint ? [1, 1] : [a.kernelHeight, a.kernelWidth];
    const group = isPoint ? 1 : op.code === format.DEPTHWISE ? outputs : a.groups;
    const channels = input.channels / group;
    const weights = new Int8Array(op.weights.length);
    const bias = Int32Array.from(op.bias);
    for (let o = 0; o < outputs; o++) {
      let sum = 0;
      for (let tap = 0; tap < height * width; tap++) {
        for (let i = 0; i < channels; i++) {
          const value = op.weights[(o * height * width + tap) * channels + i]!;
          weights[(o * channels + i) * height * width + tap] = value;
          sum += value;
        }
      }
      bias[o]! += input.zero * sum;
    }
    const dims = [outputs, channels, height, width];
    const scales = op.scales.subarray(0, outputs);
    const biasScales = scales.map((scale) => Math.fround(input.scale * scale));
    this.dequantized(`${name}_weights`, INT8, dims, weights, scales);
    this.dequantized(`${name}_bias`, INT32, [outputs], bias, biasScales);
    const window = isPoint ? {} : { ...windowAttributes(a), dilations: ints(a.dilationY, a.dilationX) };
    const inputs = [realName(this.model, op.inputs[0]!), `${name}_weights`, `${name}_bias`];
    this.node("Conv", inputs, name, { ...window, kernel_shape: ints(height, width), group: int(group) });
  }

  /** A constant of integers with a scale for each entry of its first axis. */
  private dequantized(
    name: string,
    type: number,
    dims: readonly number[],
    values: ArrayLike<number>,
    scales: Float32Array,
  ): void {
    const inputs = [
      this.constant(`${name}_quantized`, type, dims, values),
      this.constant(`${name}_scale`, FLOAT, [scales.length], scales),
      this.constant(`${name}_zero`, type, [scales.length], new Int8Array(scales.length)),
    ];
    this.node("DequantizeLinear", inputs, name, { axis: int(0) });
  }

  private gate(op: Op, value: string, name: string): void {
    const index = this.tableIndex(op.inputs[1]!, name);
    const table = this.constant(`${name}_table`, INT32, [256], op.table);
    const scale = this.constant(`${name}_tableScale`, FLOAT, [], op.scales);
    this.node("Gather", [table, index], `${name}_entries`);
    this.node("DequantizeLinear", [`${name}_entries`, scale], `${name}_factor`);
    const factor = op.attributes.numerator;
    if (factor > 1) this.upsample(`${name}_factor`, factor, `${name}_enlarged`, format.NEAREST);
    this.node("Mul", [value, factor > 1 ? `${name}_enlarged` : `${name}_factor`], name);
  }

  /** q + 128, to index a table. */
  private tableIndex(id: number, name: string): string {
    this.node("Cast", [integerName(this.model, id)], `${name}_integers`, { to: int(INT32) });
    const shift = this.constant(`${name}_shift`, INT32, [], [128 - offsetOf(this.model.tensors[id]!)]);
    this.node("Add", [`${name}_integers`, shift], `${name}_index`);
    return `${name}_index`;
  }

  /** The sums of a convolution as its table takes them, + 512. */
  private sumIndex(op: Op, name: string): string {
    const half = format.ACTIVATION_ENTRIES / 2;
    const number = (what: string, value: number) => this.constant(`${name}_${what}`, FLOAT, [], [value]);
    this.convolution(op, name);
    this.node("Div", [name, number("step", op.scales.at(-1)!)], `${name}_steps`);
    this.node("Round", [`${name}_steps`], `${name}_rounded`);
    const bounds = [number("least", -half), number("most", half - 1)];
    this.node("Clip", [`${name}_rounded`, ...bounds], `${name}_sums`);
    this.node("Add", [`${name}_sums`, number("half", half)], `${name}_place`);
    this.node("Cast", [`${name}_place`], `${name}_index`, { to: int(INT32) });
    return `${name}_index`;
  }

  private resize(op: Op, inputs: readonly string[], name: string): void {
    const { mode, numerator, denominator } = op.attributes;
    if (inputs.length === 1 && denominator === 1) {
      this.upsample(inputs[0]!, numerator, name, mode);
      return;
    }
    const { height, width } = this.sizes[op.output]!;
    const { channels } = this.model.tensors[op.output]!;
    let sizes: string;
    if (inputs.length === 1) sizes = this.constant(`${name}_sizes`, INT64, [4], [1, channels, height, width]);
    else {
      sizes = `${name}_sizes`;
      const [first, middle, last] = [0, 2, 4].map((at) => this.constant(`${name}_at${at}`, INT64, [1], [at]));
      inputs.forEach((input, index) => {
        this.node("Shape", [input], `${name}_shape${index}`);
        const range = index === 0 ? [first!, middle!] : [middle!, last!];
        this.node("Slice", [`${name}_shape${index}`, ...range], `${name}_part${index}`);
      });
      this.node("Concat", [`${name}_part0`, `${name}_part1`], sizes, { axis: int(0) });
    }
    this.node("Resize", [inputs[0]!, "", "", sizes], name, resizeAttributes(mode));
  }

  private upsample(input: string, factor: number, output: string, mode: number): void {
    const scales = this.constant(`${output}_scales`, FLOAT, [4], [1, 1, factor, factor]);
    this.node("Resize", [input, "", scales], output, resizeAttributes(mode));
  }

  private scaleAndZero(name: string, tensor: Tensor): string[] {
    return [
      this.constant(`${name}_scale`, FLOAT, [], [tensor.scale]),
      this.constant(`${name}_zero`, UINT8, [], [tensor.zero + offsetOf(tensor)]),
    ];
  }

  private node(
    type: string,
    inputs: string[],
    output: string,
    attributes: Record<string, OnnxAttribute> = {},
  ): void {
    this.nodes.push({ name: output, type, domain: "", inputs, outputs: [output], attributes });
  }

  private constant(name: string, type: number, dims: readonly number[], values: ArrayLike<number>): string {
    if (!this.known.has(name))
      this.initializers.push({ name, dims: [...dims], type, raw: encode(type, values), numbers: [] });
    this.known.add(name);
    return name;
  }
}

/** What the exported integers of a tensor have more than ours. */
function offsetOf({ min }: Tensor): number {
  return min >= 0 ? 0 : 128;
}
