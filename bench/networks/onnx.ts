/** The network as ONNX, operator set 17, in real numbers or with QuantizeLinear and DequantizeLinear. */

import {
  FLOAT,
  INT8,
  INT32,
  INT64,
  type OnnxAttribute,
  type OnnxModel,
  UINT8,
} from "../../tools/convert/onnx/read.js";
import { encode, writeOnnx } from "../../tools/convert/onnx/write.js";
import type { NumberType } from "../engines/engine.js";
import {
  type Convolution,
  type EightBits,
  eightBits,
  type Gate,
  gateBits,
  integerBias,
  integerWeights,
  type Layer,
  type Network,
  rangeBits,
  realWeights,
} from "./layers.js";

const int = (value: number): OnnxAttribute => ({ kind: "int", value });
const ints = (...value: number[]): OnnxAttribute => ({ kind: "ints", value });
const string = (value: string): OnnxAttribute => ({ kind: "string", value });

/**
 * An ONNX file. Its input "image" is [1, 3, height, width], levels 0..255 as float or uint8, or levels - 128 as
 * int8; its output "mask" is uint8 [1, height, width], class ids, or the logits, [1, classes, height / 4, width / 4].
 */
export function onnxNetwork(
  network: Network,
  numbers: NumberType,
  output: "mask" | "logits" = "mask",
): Uint8Array {
  return writeOnnx(new Writer(network, numbers).model(output));
}

class Writer {
  readonly #nodes: OnnxModel["nodes"] = [];
  readonly #initializers: OnnxModel["initializers"] = [];
  readonly #network: Network;
  readonly #numbers: NumberType;
  readonly #type: number;

  constructor(network: Network, numbers: NumberType) {
    this.#network = network;
    this.#numbers = numbers;
    this.#type = { f32: FLOAT, u8: UINT8, s8: INT8 }[numbers];
  }

  model(output: "mask" | "logits"): OnnxModel {
    const { image, layers, height, width, logits } = this.#network;
    if (this.#type !== FLOAT) this.#restore("image", `t${image}`, this.#bits(image));
    for (const layer of layers) this.#layer(layer);
    const isMask = output === "mask";
    if (isMask) this.#tail();
    const last = { name: "mask", type: UINT8, dims: [1, height, width] };
    return {
      opset: 17,
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: [{ name: "image", type: this.#type, dims: [1, 3, height, width] }],
      outputs: [isMask ? last : { name: this.#name(logits), type: FLOAT, dims: undefined }],
    };
  }

  #name(id: number): string {
    return id === this.#network.image && this.#type === FLOAT ? "image" : `t${id}`;
  }

  #bits(id: number): EightBits {
    return eightBits(this.#network.tensors[id]!, this.#numbers === "u8" ? 0 : -128);
  }

  #layer(layer: Layer): void {
    const target = this.#type === FLOAT ? layer.name : `${layer.name}_real`;
    switch (layer.kind) {
      case "convolution":
        this.#convolution(layer, target);
        break;
      case "maxPool":
        this.#node("MaxPool", [this.#name(layer.input)], target, windowOf(layer.window));
        break;
      case "upsample":
        this.#upsample(this.#name(layer.input), target, layer.output, "linear");
        break;
      case "add":
        this.#relu(
          "Add",
          layer.inputs.map((id) => this.#name(id)),
          target,
          layer.isRelu,
        );
        break;
      case "gate":
        this.#gate(layer, target);
        break;
    }
    if (this.#type !== FLOAT) this.#quantize(layer.name, this.#bits(layer.output));
  }

  /** A ReLU of its own in real numbers; integers saturate at their zero point anyway. */
  #relu(type: string, inputs: string[], target: string, isRelu: boolean, attributes = {}): void {
    const hasRelu = isRelu && this.#type === FLOAT;
    this.#node(type, inputs, hasRelu ? `${target}_linear` : target, attributes);
    if (hasRelu) this.#node("Relu", [`${target}_linear`], target);
  }

  #convolution(layer: Convolution, target: string): void {
    const { name, outChannels, inChannels, window, isDepthwise } = layer;
    const { kernelHeight, kernelWidth } = window;
    const dims = [outChannels, inChannels, kernelHeight, kernelWidth];
    const order = (o: number, y: number, x: number, i: number) =>
      ((o * inChannels + i) * kernelHeight + y) * kernelWidth + x;
    if (this.#type === FLOAT) {
      this.#constant(`${name}_weights`, FLOAT, dims, realWeights(layer, order));
      this.#constant(`${name}_bias`, FLOAT, [outChannels], layer.bias);
    } else {
      const { scale } = this.#bits(layer.input);
      const biasScales = layer.scales.map((value) => value * scale);
      this.#integers(`${name}_weights`, INT8, dims, integerWeights(layer, order), layer.scales);
      this.#integers(`${name}_bias`, INT32, [outChannels], integerBias(layer, scale), biasScales);
    }
    const attributes = { ...windowOf(window), group: int(isDepthwise ? outChannels : 1) };
    const inputs = [this.#name(layer.input), `${name}_weights`, `${name}_bias`];
    this.#relu("Conv", inputs, target, layer.isRelu, attributes);
  }

  #gate(layer: Gate, target: string): void {
    const { name, value, attention, output, pool, offset, factor } = layer;
    const { sigmoid, scaled, sum } = gateBits(layer, this.#numbers === "u8" ? 0 : -128);
    const step = (type: string, inputs: string[], part: string, bits: EightBits): string => {
      const isReal = this.#type === FLOAT;
      this.#node(type, inputs, `${name}_${part}${isReal ? "" : "_real"}`);
      if (!isReal) this.#quantize(`${name}_${part}`, bits);
      return `${name}_${part}`;
    };
    let gate = step("Sigmoid", [this.#name(attention)], "sigmoid", sigmoid);
    gate = step("Mul", [gate, this.#number(`${name}_factor`, factor)], "scaled", scaled);
    if (Math.abs(offset) > 1e-3) {
      gate = step("Add", [gate, this.#number(`${name}_offset`, offset)], "sum", sum);
    }
    if (pool > 1) {
      this.#upsample(gate, `${name}_large${this.#type === FLOAT ? "" : "_real"}`, output, "nearest");
      if (this.#type !== FLOAT) this.#quantize(`${name}_large`, sum);
      gate = `${name}_large`;
    }
    this.#node("Mul", [this.#name(value), gate], target);
  }

  /** A number as an operand: a constant, quantised where the network is. */
  #number(name: string, value: number): string {
    if (this.#type === FLOAT) return this.#constant(name, FLOAT, [], [value]);
    const bits = rangeBits(value, this.#numbers === "u8" ? 0 : -128);
    const level = Math.round(value / bits.scale) + bits.zero;
    this.#restore(this.#constant(`${name}_integer`, this.#type, [], [level]), name, bits);
    return name;
  }

  #upsample(input: string, target: string, output: number, mode: "linear" | "nearest"): void {
    const { height, width } = this.#network.sizes[output]!;
    const { channels } = this.#network.tensors[output]!;
    this.#resize(input, target, [1, channels, height, width], mode);
  }

  #resize(input: string, target: string, sizes: number[], mode: "linear" | "nearest"): void {
    const constant = this.#constant(`${target}_sizes`, INT64, [4], sizes);
    const isLinear = mode === "linear";
    this.#node("Resize", [input, "", "", constant], target, {
      mode: string(mode),
      coordinate_transformation_mode: string(isLinear ? "half_pixel" : "asymmetric"),
      ...(isLinear ? {} : { nearest_mode: string("floor") }),
    });
  }

  /** Upsampling and argmax with the channels last: the fastest order for both. */
  #tail(): void {
    const { logits, tensors, height, width } = this.#network;
    const { channels } = tensors[logits]!;
    this.#node("Transpose", [this.#name(logits)], "logits", { perm: ints(0, 2, 3, 1) });
    this.#resize("logits", "upsampled", [1, height, width, channels], "linear");
    this.#node("ArgMax", ["upsampled"], "classes", { axis: int(3), keepdims: int(0) });
    this.#node("Cast", ["classes"], "mask", { to: int(UINT8) });
  }

  /** DequantizeLinear of a tensor or of a constant. */
  #restore(input: string, output: string, bits: EightBits): void {
    this.#node("DequantizeLinear", [input, ...this.#scaleAndZero(output, bits)], output);
  }

  /** `<name>_real` to 8 bits and back. */
  #quantize(name: string, bits: EightBits): void {
    const parameters = this.#scaleAndZero(name, bits);
    this.#node("QuantizeLinear", [`${name}_real`, ...parameters], `${name}_integer`);
    this.#node("DequantizeLinear", [`${name}_integer`, ...parameters], name);
  }

  #scaleAndZero(name: string, { scale, zero }: EightBits): [string, string] {
    return [
      this.#constant(`${name}_scale`, FLOAT, [], [scale]),
      this.#constant(`${name}_zero`, this.#type, [], [zero]),
    ];
  }

  /** A constant of integers with a scale for each entry of its first axis. */
  #integers(
    name: string,
    type: number,
    dims: number[],
    values: ArrayLike<number>,
    scales: Float32Array,
  ): void {
    const inputs = [
      this.#constant(`${name}_integer`, type, dims, values),
      this.#constant(`${name}_scale`, FLOAT, [scales.length], scales),
      this.#constant(`${name}_zero`, type, [scales.length], new Int8Array(scales.length)),
    ];
    this.#node("DequantizeLinear", inputs, name, { axis: int(0) });
  }

  #node(
    type: string,
    inputs: string[],
    output: string,
    attributes: Record<string, OnnxAttribute> = {},
  ): void {
    this.#nodes.push({ name: output, type, domain: "", inputs, outputs: [output], attributes });
  }

  #constant(name: string, type: number, dims: number[], values: ArrayLike<number>): string {
    this.#initializers.push({ name, dims, type, raw: encode(type, values), numbers: [] });
    return name;
  }
}

function windowOf(window: Convolution["window"]): Record<string, OnnxAttribute> {
  return {
    kernel_shape: ints(window.kernelHeight, window.kernelWidth),
    strides: ints(window.strideY, window.strideX),
    pads: ints(window.padTop, window.padLeft, window.padBottom, window.padRight),
    dilations: ints(window.dilationY, window.dilationX),
  };
}
