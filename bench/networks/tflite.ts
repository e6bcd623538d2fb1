/**
 * The network as a .tflite file, in real numbers or in int8 with a float input. Field numbers and codes are those of
 * TensorFlow Lite's schema, version 3.
 */
import type { Field, Target } from "./flatbuffer.js";
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
import { FLOAT32, INT8, INT32, type Operator, quantisation, TfliteFile } from "./tflite-file.js";

const SAME = 0;
const VALID = 1;

/** Padding of a sliding window in pixels: top, bottom, left, right. */
type Padding = readonly [number, number, number, number];

/** Makes the file. Its input is float [1, height, width, 3], levels 0..255; its output int32 [1, height, width]. */
export function tfliteNetwork(network: Network, numbers: "f32" | "s8"): Uint8Array {
  return new Writer(network, numbers === "s8").file();
}

/** Whether a padding is TensorFlow's "same". @param windowed windows times stride, pixels */
function isSame(size: number, windowed: number, before: number, after: number): boolean {
  return size === windowed && before === Math.floor((before + after) / 2);
}

class Writer {
  readonly #file = new TfliteFile();
  /** Index of each of the network's tensors in the file. */
  readonly #places = new Map<number, number>();
  readonly #network: Network;
  readonly #isInteger: boolean;

  constructor(network: Network, isInteger: boolean) {
    this.#network = network;
    this.#isInteger = isInteger;
  }

  file(): Uint8Array {
    const { image, layers, logits, height, width, tensors } = this.#network;
    const input = this.#file.tensor("image", FLOAT32, [1, height, width, 3]);
    this.#places.set(image, this.#isInteger ? this.#activation(image) : input);
    if (this.#isInteger) this.#file.operator("QUANTIZE", [input], this.#place(image));
    for (const layer of layers) this.#layer(layer);
    const { channels } = tensors[logits]!;
    const shape = [1, height, width, channels];
    const upsampled = this.#file.tensor("upsampled", ...this.#kind(this.#bits(logits), shape));
    this.#bilinear(this.#place(logits), upsampled, height, width);
    const mask = this.#file.tensor("mask", INT32, [1, height, width]);
    this.#file.operator("ARG_MAX", [upsampled, this.#file.integers("axis", [3])], mask, [[0, "byte", INT32]]);
    return this.#file.finish(input, mask);
  }

  #layer(layer: Layer): void {
    if (layer.kind === "gate") {
      this.#gate(layer);
      return;
    }
    const output = this.#activation(layer.output);
    this.#places.set(layer.output, output);
    if (layer.kind === "convolution") this.#convolution(layer, output);
    else if (layer.kind === "add") {
      const inputs = layer.inputs.map((id) => this.#place(id));
      this.#file.operator("ADD", inputs, output, [[0, "byte", layer.isRelu ? 1 : 0]]);
    } else if (layer.kind === "upsample") {
      const { height, width } = this.#network.sizes[layer.output]!;
      this.#bilinear(this.#place(layer.input), output, height, width);
    } else {
      const [padding, input] = this.#window(layer, layer.window);
      this.#file.operator("MAX_POOL_2D", [input], output, [
        [0, "byte", padding],
        [1, "int", layer.window.strideX],
        [2, "int", layer.window.strideY],
        [3, "int", layer.window.kernelWidth],
        [4, "int", layer.window.kernelHeight],
      ]);
    }
  }

  #convolution(layer: Convolution, output: number): void {
    const { name, outChannels, inChannels, window, isDepthwise } = layer;
    const { kernelHeight, kernelWidth } = window;
    const shape = isDepthwise
      ? [1, kernelHeight, kernelWidth, outChannels]
      : [outChannels, kernelHeight, kernelWidth, inChannels];
    const order = isDepthwise
      ? (o: number, y: number, x: number) => (y * kernelWidth + x) * outChannels + o
      : (o: number, y: number, x: number, i: number) =>
          ((o * kernelHeight + y) * kernelWidth + x) * inChannels + i;
    const [padding, input] = this.#window(layer, window);
    let weights: number;
    let bias: number;
    if (this.#isInteger) {
      const { scale } = this.#bits(layer.input);
      const biasScales = layer.scales.map((value) => value * scale);
      const values = integerWeights(layer, order);
      weights = this.#file.constant(
        `${name}_weights`,
        INT8,
        shape,
        values,
        layer.scales,
        isDepthwise ? 3 : 0,
      );
      bias = this.#file.constant(`${name}_bias`, INT32, [outChannels], integerBias(layer, scale), biasScales);
    } else {
      weights = this.#file.constant(`${name}_weights`, FLOAT32, shape, realWeights(layer, order));
      bias = this.#file.constant(`${name}_bias`, FLOAT32, [outChannels], layer.bias);
    }
    const options: Field[] = [
      [0, "byte", padding],
      [1, "int", window.strideX],
      [2, "int", window.strideY],
    ];
    if (isDepthwise) options.push([3, "int", 1], [4, "byte", layer.isRelu ? 1 : 0]);
    else options.push([3, "byte", layer.isRelu ? 1 : 0]);
    this.#file.operator(
      isDepthwise ? "DEPTHWISE_CONV_2D" : "CONV_2D",
      [input, weights, bias],
      output,
      options,
    );
  }

  /** The padding mode of a window, and its input, padded by an operator of its own where no mode fits. */
  #window(
    layer: { input: number; output: number; name: string },
    window: Convolution["window"],
  ): [number, number] {
    if (window.dilationY * window.dilationX !== 1) throw new RangeError("dilation: not written for .tflite");
    const input = this.#place(layer.input);
    const { height, width } = this.#network.sizes[layer.input]!;
    const output = this.#network.sizes[layer.output]!;
    const rest = (size: number, out: number, kernel: number, stride: number, before: number) =>
      Math.max(0, (out - 1) * stride + kernel - size - before);
    const { kernelHeight, kernelWidth, strideY, strideX, padTop, padLeft } = window;
    const bottom = rest(height, output.height, kernelHeight, strideY, padTop);
    const right = rest(width, output.width, kernelWidth, strideX, padLeft);
    if (padTop + padLeft + bottom + right === 0) return [VALID, input];
    if (
      isSame(height, output.height * strideY, padTop, bottom) &&
      isSame(width, output.width * strideX, padLeft, right)
    )
      return [SAME, input];
    return [VALID, this.#pad(layer, [padTop, bottom, padLeft, right])];
  }

  #pad(layer: { input: number; name: string }, [top, bottom, left, right]: Padding): number {
    const { height, width } = this.#network.sizes[layer.input]!;
    const { channels } = this.#network.tensors[layer.input]!;
    const shape = [1, height + top + bottom, width + left + right, channels];
    const padded = this.#file.tensor(`${layer.name}_padded`, ...this.#kind(this.#bits(layer.input), shape));
    const pads = this.#file.constant(
      `${layer.name}_pads`,
      INT32,
      [4, 2],
      Int32Array.of(0, 0, top, bottom, left, right, 0, 0),
    );
    this.#file.operator("PAD", [this.#place(layer.input), pads], padded);
    return padded;
  }

  /**
   * The small map of factors is spread over the large one by a multiplication in five dimensions, [rows of cells, rows
   * in a cell, cells, columns in a cell, channels] * [rows of cells, 1, cells, 1, channels], so it is never upsampled.
   */
  #gate(layer: Gate): void {
    const { name, value, attention, output, pool, offset, factor } = layer;
    const { sigmoid, scaled, sum } = gateBits(layer, -128);
    const { height, width } = this.#network.sizes[attention]!;
    const { channels } = this.#network.tensors[value]!;
    const shape = [1, height, width, channels];
    const step = (operator: Operator, inputs: number[], part: string, bits: EightBits): number => {
      const result = this.#file.tensor(`${name}_${part}`, ...this.#kind(bits, shape));
      this.#file.operator(operator, inputs, result, operator === "LOGISTIC" ? undefined : [[0, "byte", 0]]);
      return result;
    };
    const large = this.#activation(output);
    this.#places.set(output, large);
    let gate = step("LOGISTIC", [this.#place(attention)], "sigmoid", sigmoid);
    gate = step("MUL", [gate, this.#number(`${name}_factor`, factor)], "scaled", scaled);
    gate = step("ADD", [gate, this.#number(`${name}_offset`, offset)], "sum", sum);
    if (pool === 1) {
      this.#file.operator("MUL", [this.#place(value), gate], large, [[0, "byte", 0]]);
      return;
    }
    const cells = [height, pool, width, pool, channels];
    const split = this.#reshape(this.#place(value), `${name}_cells`, cells, this.#bits(value));
    const spread = this.#reshape(gate, `${name}_spread`, [height, 1, width, 1, channels], sum);
    const product = this.#file.tensor(`${name}_product`, ...this.#kind(this.#bits(output), cells));
    this.#file.operator("MUL", [split, spread], product, [[0, "byte", 0]]);
    this.#reshapeTo(product, large, [1, height * pool, width * pool, channels], name);
  }

  #reshape(input: number, name: string, shape: number[], bits: EightBits): number {
    const output = this.#file.tensor(name, ...this.#kind(bits, shape));
    this.#reshapeTo(input, output, shape, name);
    return output;
  }

  #reshapeTo(input: number, output: number, shape: number[], name: string): void {
    const dims = Int32Array.from(shape);
    this.#file.operator("RESHAPE", [input, this.#file.integers(`${name}_shape`, shape)], output, [
      [0, "offset", { values: dims }],
    ]);
  }

  /** A number as an operand. */
  #number(name: string, value: number): number {
    if (!this.#isInteger) return this.#file.constant(name, FLOAT32, [1], Float32Array.of(value));
    if (value === 0) return this.#file.constant(name, INT8, [1], Int8Array.of(0), Float32Array.of(1));
    const bits = rangeBits(value, -128);
    const level = Int8Array.of(Math.round(value / bits.scale) + bits.zero);
    return this.#file.constant(name, INT8, [1], level, Float32Array.of(bits.scale), 0, bits.zero);
  }

  #bilinear(input: number, output: number, height: number, width: number): void {
    const size = this.#file.integers("size", [height, width]);
    this.#file.operator("RESIZE_BILINEAR", [input, size], output, [[3, "byte", 1]]);
  }

  #place(id: number): number {
    return this.#places.get(id)!;
  }

  #bits(id: number): EightBits {
    return eightBits(this.#network.tensors[id]!, -128);
  }

  #activation(id: number): number {
    const { height, width } = this.#network.sizes[id]!;
    const shape = [1, height, width, this.#network.tensors[id]!.channels];
    return this.#file.tensor(`t${id}`, ...this.#kind(this.#bits(id), shape));
  }

  /** Type, shape and quantisation of an activation, as `#tensor` takes them. */
  #kind(bits: EightBits, shape: number[]): [number, number[], Target?] {
    if (!this.#isInteger) return [FLOAT32, shape];
    return [INT8, shape, quantisation(Float32Array.of(bits.scale), bits.zero, 0)];
  }
}
