/** The ONNX graph that a TFLite file becomes, while it is written. */
import { ConvertError } from "../errors.js";
import {
  FLOAT,
  INT8 as ONNX_INT8,
  INT32 as ONNX_INT32,
  INT64 as ONNX_INT64,
  UINT8 as ONNX_UINT8,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from "../onnx/read.js";
import { encode } from "../onnx/write.js";
import { checkParameters, readStored, realNumbers, type Stored, transposed } from "./constants.js";
import {
  INT8,
  INT32,
  type Parameters,
  type TfliteModel,
  type TfliteOperator,
  type TfliteTensor,
  UINT8,
} from "./read.js";

/** From [n, height, width, channels] to [n, channels, height, width]. */
const TO_FIRST = [0, 3, 1, 2] as const;

/** Axis of an ONNX tensor that an axis of a TFLite tensor becomes. */
export const AXES = [0, 2, 3, 1] as const;

/** Integers, texts, lists of integers, and floats. */
type AttributeValue = number | string | readonly number[] | { readonly float: number };
export type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * Appends ONNX nodes. Activations are [1, channels, height, width]; one of shape [1, channels] in the file is
 * [1, channels, 1, 1]. A quantized activation is written as float and followed by QuantizeLinear and
 * DequantizeLinear, which its readers read.
 */
export class Writer {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  /** By index of the tensor: the ONNX tensor that holds it. */
  private readonly written = new Map<number, string>();
  private readonly stored = new Map<number, Stored>();
  private readonly taken = new Set<string>();

  constructor(readonly model: TfliteModel) {}

  tensor(index: number | undefined): TfliteTensor {
    const tensor = this.model.tensors[index ?? -1];
    if (!tensor) throw new ConvertError("not a valid TFLite file: an operation lacks an input or output");
    return tensor;
  }

  /** Shape of an activation as [1, channels, height, width]; other shapes than [1, c] and [1, h, w, c] stay. */
  shape(index: number | undefined): readonly number[] {
    const { shape } = this.tensor(index);
    if (shape.length === 2 && shape[0] === 1) return [1, shape[1]!, 1, 1];
    return shape.length === 4 ? TO_FIRST.map((axis) => shape[axis]!) : shape;
  }

  /** The numbers of a tensor that is known, else undefined. */
  constant(index: number | undefined): Stored | undefined {
    const tensor = this.tensor(index);
    if (tensor.data && !this.stored.has(index!)) this.stored.set(index!, readStored(tensor));
    return this.stored.get(index!);
  }

  /** Lets a tensor stand for a known constant. */
  setConstant(index: number, stored: Stored): void {
    this.stored.set(index, stored);
  }

  private setShape(index: number, shape: readonly number[]): void {
    this.stored.set(index, { ...this.stored.get(index)!, shape });
  }

  /** Lets a tensor stand for an ONNX tensor that is written already. */
  setWritten(index: number, name: string): void {
    this.written.set(index, name);
  }

  /** The ONNX tensor that holds an activation. */
  activation(index: number | undefined): string {
    const name = this.written.get(index ?? -1);
    if (name === undefined) {
      throw new ConvertError(`tensor "${this.tensor(index).name}": nothing writes it before it is read`);
    }
    return name;
  }

  /** A name that no tensor has yet. */
  fresh(name: string): string {
    let result = name;
    for (let count = 2; this.taken.has(result); count++) result = `${name}#${count}`;
    this.taken.add(result);
    return result;
  }

  /** Appends a node, which gets the name of its output. */
  add(type: string, inputs: readonly string[], output: string, attributes: Attributes = {}): void {
    this.nodes.push({
      name: output,
      type,
      domain: "",
      inputs: [...inputs],
      outputs: [output],
      attributes: Object.fromEntries(
        Object.entries(attributes).map(([key, value]) => [key, attribute(value)]),
      ),
    });
  }

  /** A constant of the ONNX graph; gives its name. */
  initializer(name: string, type: number, dims: readonly number[], values: ArrayLike<number>): string {
    const result = this.fresh(name);
    this.initializers.push({ name: result, type, dims: [...dims], numbers: [], raw: encode(type, values) });
    return result;
  }

  floats(name: string, dims: readonly number[], values: ArrayLike<number>): string {
    return this.initializer(name, FLOAT, dims, values);
  }

  integers(name: string, values: readonly number[]): string {
    return this.initializer(name, ONNX_INT64, [values.length], values);
  }

  /**
   * The weights or the bias of an operation, with their axes in another order: integers with a DequantizeLinear
   * where the file has int8 weights or an int32 bias, else floats.
   *
   * @throws ConvertError if they are no constant, or int8 with a zero point, which TFLite does not allow
   */
  weights(operator: TfliteOperator, index: number | undefined, order: readonly number[]): string {
    const { name, type } = this.tensor(index);
    const stored = this.constant(index);
    if (!stored) throw new ConvertError(`${this.describe(operator)}: "${name}" must be a constant`);
    if (stored.shape.length !== order.length) {
      throw new ConvertError(
        `${this.describe(operator)}: "${name}" expected ${order.length} axes, got [${stored.shape}]`,
      );
    }
    const { quantization } = stored;
    const zero = quantization?.zeros.find((value) => value !== 0);
    if (type === INT8 && zero !== undefined) {
      throw new ConvertError(
        `${this.describe(operator)}: its int8 weights "${name}" have zero point ${zero}, where TFLite allows only 0: ` +
          "the file was damaged by its exporter; export it again",
      );
    }
    const moved = transposed(stored, order);
    const isKept = quantization && zero === undefined && (stored.type === INT8 || stored.type === INT32);
    if (!isKept) return this.floats(name, moved.shape, realNumbers(moved));
    const kind = stored.type === INT8 ? ONNX_INT8 : ONNX_INT32;
    const { scales, axis } = moved.quantization!;
    const isWhole = scales.length === 1;
    const inputs = [
      this.initializer(name, kind, moved.shape, moved.values),
      this.floats(`${name}#scale`, isWhole ? [] : [scales.length], scales),
    ];
    const result = this.fresh(`${name}#real`);
    this.add("DequantizeLinear", inputs, result, isWhole ? {} : { axis });
    return result;
  }

  /** The matrix [out, in] of a fully connected operation as 1x1 weights. */
  pointWeights(operator: TfliteOperator, index: number | undefined): string {
    const stored = this.constant(index);
    if (stored?.shape.length === 2) this.setShape(index!, [...stored.shape, 1, 1]);
    return this.weights(operator, index, [0, 1, 2, 3]);
  }

  /** The output of an operation: what writes it, its fused activation, and its quantization. */
  output(
    operator: TfliteOperator,
    type: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    { fused = 0, slot = 0, isKeeping = false } = {},
  ): void {
    const index = operator.outputs[slot]!;
    const name = this.fresh(this.tensor(index).name);
    if (fused === 0) this.add(type, inputs, name, attributes);
    else {
      const linear = this.fresh(`${name}#linear`);
      this.add(type, inputs, linear, attributes);
      this.activate(operator, fused, linear, name);
    }
    const first = operator.inputs[0];
    const keeps = isKeeping && isSame(this.tensor(first).quantization, this.tensor(index).quantization);
    this.setWritten(index, keeps ? name : this.quantized(index, name));
  }

  /** Codes of ActivationFunctionType. */
  private activate(operator: TfliteOperator, fused: number, from: string, to: string): void {
    const bounds = { 2: [-1, 1], 3: [0, 6] }[fused];
    if (fused === 1) this.add("Relu", [from], to);
    else if (fused === 4) this.add("Tanh", [from], to);
    else if (!bounds)
      throw new ConvertError(`${this.describe(operator)}: fused activation ${fused} is not supported`);
    else {
      const [min, max] = bounds.map((value, i) =>
        this.floats(`${to}#${i === 0 ? "min" : "max"}`, [], [value]),
      );
      this.add("Clip", [from, min!, max!], to);
    }
  }

  /** What readers of an activation read: the real numbers of its int8 or uint8 where it is quantized. */
  quantized(index: number, name: string): string {
    const { type, quantization, shape } = this.tensor(index);
    if (!quantization || (type !== INT8 && type !== UINT8)) return name;
    checkParameters(name, quantization, shape);
    if (quantization.scales.length !== 1) {
      throw new ConvertError(
        `tensor "${name}": an activation needs one scale, got ${quantization.scales.length}`,
      );
    }
    const kind = type === INT8 ? ONNX_INT8 : ONNX_UINT8;
    const parameters = [
      this.floats(`${name}#scale`, [], quantization.scales),
      this.initializer(`${name}#zero`, kind, [], quantization.zeros),
    ];
    const [integers, real] = [this.fresh(`${name}#quantized`), this.fresh(`${name}#real`)];
    this.add("QuantizeLinear", [name, ...parameters], integers);
    this.add("DequantizeLinear", [integers, ...parameters], real);
    return real;
  }

  /** `CONV_2D "stem"`, for messages. */
  describe({ type, outputs }: TfliteOperator): string {
    return `${type} "${this.model.tensors[outputs[0] ?? -1]?.name ?? ""}"`;
  }
}

function isSame(a: Parameters | undefined, b: Parameters | undefined): boolean {
  return a?.scales.join() === b?.scales.join() && a?.zeros.join() === b?.zeros.join();
}

function attribute(value: AttributeValue): OnnxAttribute {
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "number") return { kind: "int", value };
  return "float" in value ? { kind: "float", value: value.float } : { kind: "ints", value: [...value] };
}
