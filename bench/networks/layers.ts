/**
 * The shipped network as other engines want it: the same layers and the same weights, in real numbers or in integers
 * of 8 bits. Every writer in this folder starts here.
 *
 * The image is taken as levels 0..255; the division by 255 is folded into the first weights.
 */
import * as format from "../../src/format.js";
import { type Attributes, kindOf, type Model, type Op, type Size, type Tensor } from "../../src/ops.js";
import { inferSizes } from "../../src/shape.js";

/** A convolution of any kind in real numbers. */
export interface Convolution {
  readonly kind: "convolution";
  readonly name: string;
  readonly input: number;
  readonly output: number;
  readonly isDepthwise: boolean;
  /** int8 [outChannels][kernelHeight][kernelWidth][inChannels], inChannels 1 if depthwise; real: * scales[o]. */
  readonly weights: Int8Array;
  readonly scales: Float32Array;
  /** Real numbers, [outChannels]. */
  readonly bias: Float32Array;
  readonly outChannels: number;
  readonly inChannels: number;
  readonly window: Attributes;
  readonly isRelu: boolean;
}

/** value * upsample(offset + factor * sigmoid(attention)), upsampled by `pool` to the nearest neighbour. */
export interface Gate {
  readonly kind: "gate";
  readonly name: string;
  readonly value: number;
  readonly attention: number;
  readonly output: number;
  readonly pool: number;
  readonly offset: number;
  readonly factor: number;
}

export interface MaxPool {
  readonly kind: "maxPool";
  readonly name: string;
  readonly input: number;
  readonly output: number;
  readonly window: Attributes;
}

/** Bilinear upsampling with half-pixel centres. */
export interface Upsample {
  readonly kind: "upsample";
  readonly name: string;
  readonly input: number;
  readonly output: number;
}

export interface Add {
  readonly kind: "add";
  readonly name: string;
  readonly inputs: readonly [number, number];
  readonly output: number;
  readonly isRelu: boolean;
}

export type Layer = Convolution | Gate | MaxPool | Upsample | Add;

/** A network from levels 0..255, [height, width, 3], to logits; upsampling and argmax follow. */
export interface Network {
  readonly layers: readonly Layer[];
  /** Id of the tensor that holds the image, and of the logits. */
  readonly image: number;
  readonly logits: number;
  readonly height: number;
  readonly width: number;
  /**
   * By tensor id. The image's scale is 1, its zero point -128. An upsampled tensor has the scale of the small one,
   * which other runtimes ask for.
   */
  readonly tensors: readonly Tensor[];
  readonly sizes: readonly Size[];
}

/**
 * The layers of a model.
 *
 * @param height of the input in pixels; so is `width`
 * @param isLevels of 0..255, or else colours of 0..1, as it is written for ourselves
 * @throws RangeError for an operation that the writers of this folder do not know
 */
export function networkOf(
  model: Model,
  height = model.height,
  width = model.width,
  isLevels = true,
): Network {
  const image = model.ops[0]!.output;
  const first = isLevels ? image : -1;
  const tensors = model.tensors.map((tensor, id) => (id === first ? { ...tensor, scale: 1 } : tensor));
  for (const op of model.ops) if (op.code === format.RESIZE) tensors[op.output] = tensors[op.inputs[0]!]!;
  const sizes = inferSizes(model, height, width);
  const layers = model.ops.slice(1, -1).map((op) => layerOf(op, model, first));
  return { layers, image, logits: model.ops.at(-1)!.inputs[0]!, height, width, tensors, sizes };
}

function layerOf(op: Op, model: Model, image: number): Layer {
  const name = `t${op.output}`;
  const { output, attributes } = op;
  const [input, second] = op.inputs as [number, number];
  const { zero, min } = model.tensors[output]!;
  const isRelu = min === zero;
  switch (op.code) {
    case format.CONVOLUTION:
    case format.DEPTHWISE:
    case format.POINTWISE:
      if (op.table.length > 0) throw unknown(op, "activations");
      if (op.code !== format.CONVOLUTION || attributes.groups === 1) break;
      throw unknown(op, "groups");
    case format.MAX_POOL:
      return { kind: "maxPool", name, input, output, window: attributes };
    case format.GATE: {
      const { offset, factor } = fitSigmoid(op, model.tensors[second]!);
      const pool = attributes.numerator;
      return { kind: "gate", name, value: input, attention: second, output, pool, offset, factor };
    }
    case format.RESIZE:
      if (attributes.mode !== format.BILINEAR) throw unknown(op, "this mode");
      return { kind: "upsample", name, input, output };
    case format.ADD:
      return { kind: "add", name, inputs: [input, second], output, isRelu };
    default:
      throw unknown(op);
  }
  return { ...convolutionOf(op, model, input === image), name, input, output, isRelu };
}

function unknown(op: Op, what = "this operation"): RangeError {
  return new RangeError(`${kindOf(op).name}: the benchmark cannot write ${what} for other engines`);
}

function convolutionOf(op: Op, model: Model, isFirst: boolean) {
  const input = model.tensors[op.inputs[0]!]!;
  const outChannels = model.tensors[op.output]!.channels;
  const isDepthwise = op.code === format.DEPTHWISE;
  const taps = op.weights.length / outChannels;
  const bias = Float32Array.from(op.bias, (value, o) => {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) sum += op.weights[o * taps + tap]!;
    return (value + input.zero * sum) * input.scale * op.scales[o]!;
  });
  const point = { kernelHeight: 1, kernelWidth: 1, strideY: 1, strideX: 1, dilationY: 1, dilationX: 1 };
  return {
    kind: "convolution" as const,
    isDepthwise,
    weights: op.weights,
    scales: isFirst ? op.scales.map((scale) => scale * input.scale) : op.scales,
    bias,
    outChannels,
    inChannels: isDepthwise ? 1 : input.channels,
    window: op.code === format.POINTWISE ? { ...op.attributes, ...point } : op.attributes,
  };
}

/**
 * The sigmoid behind a gate's table: table * scale = offset + factor * sigmoid(real attention), by least squares.
 *
 * @throws RangeError if the table holds another function
 */
export function fitSigmoid(op: Op, attention: Tensor): { offset: number; factor: number } {
  const points: [number, number][] = [];
  for (let q = attention.min; q <= attention.max; q++) {
    const x = 1 / (1 + Math.exp(-attention.scale * (q - attention.zero)));
    points.push([x, op.table[q + 128]! * op.scales[0]!]);
  }
  const mean = (pick: (point: [number, number]) => number) =>
    points.reduce((total, point) => total + pick(point), 0) / points.length;
  const [x, y] = [mean((point) => point[0]), mean((point) => point[1])];
  const factor =
    mean((point) => (point[0] - x) * (point[1] - y)) / mean((point) => (point[0] - x) * (point[0] - x));
  const offset = y - factor * x;
  const worst = Math.max(...points.map((point) => Math.abs(offset + factor * point[0] - point[1])));
  if (!(worst <= 2 * op.scales[0]!)) throw unknown(op, "a gate that is no sigmoid");
  return { offset, factor };
}

/** Real weights of a convolution in the order that `at` gives: its index for (output, row, column, input). */
export function realWeights(
  layer: Convolution,
  at: (o: number, y: number, x: number, i: number) => number,
): Float32Array {
  const result = new Float32Array(layer.weights.length);
  permute(layer, at, (to, from, o) => {
    result[to] = layer.weights[from]! * layer.scales[o]!;
  });
  return result;
}

/** The int8 weights of a convolution in another order. */
export function integerWeights(
  layer: Convolution,
  at: (o: number, y: number, x: number, i: number) => number,
): Int8Array {
  const result = new Int8Array(layer.weights.length);
  permute(layer, at, (to, from) => {
    result[to] = layer.weights[from]!;
  });
  return result;
}

function permute(
  { outChannels, inChannels, window }: Convolution,
  at: (o: number, y: number, x: number, i: number) => number,
  move: (to: number, from: number, o: number) => void,
): void {
  let from = 0;
  for (let o = 0; o < outChannels; o++) {
    for (let y = 0; y < window.kernelHeight; y++) {
      for (let x = 0; x < window.kernelWidth; x++) {
        for (let i = 0; i < inChannels; i++) move(at(o, y, x, i), from++, o);
      }
    }
  }
}

/** Scale and zero point of a tensor in all 8 bits. */
export interface EightBits {
  readonly scale: number;
  readonly zero: number;
}

/**
 * The same range in full 8 bits: a tensor of 7 bits (0..127) gets half its scale, so that both ends still saturate.
 * Other runtimes have no narrower range, and with it a ReLU needs no operation of its own.
 *
 * @param lowest the lowest value of the type: 0 (unsigned) or -128 (signed)
 */
export function eightBits({ scale, zero, min, max }: Tensor, lowest: 0 | -128): EightBits {
  const isSeven = min >= 0 && max <= 127;
  return isSeven ? { scale: scale / 2, zero: 2 * zero + lowest } : { scale, zero: zero + 128 + lowest };
}

/** Scale and zero point that hold 0, `offset` and `offset + span`, signed where `lowest` is -128. */
export function rangeBits(span: number, lowest: 0 | -128, offset = 0): EightBits {
  const least = Math.min(0, offset, offset + span);
  const scale = (Math.max(0, offset, offset + span) - least) / 255;
  return { scale, zero: Math.round(-least / scale) + lowest };
}

/** Quantisation of the steps of a gate: the sigmoid, times the factor, plus the offset. */
export function gateBits(
  { offset, factor }: Gate,
  lowest: 0 | -128,
): Record<"sigmoid" | "scaled" | "sum", EightBits> {
  return {
    sigmoid: { scale: 1 / 256, zero: lowest },
    scaled: rangeBits(factor, lowest),
    sum: rangeBits(factor, lowest, offset),
  };
}

/** Bias of a convolution as int32 at input scale * weight scale. */
export function integerBias(layer: Convolution, inputScale: number): Int32Array {
  return Int32Array.from(layer.bias, (value, o) => Math.round(value / (inputScale * layer.scales[o]!)));
}
