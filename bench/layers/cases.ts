/**
 * Networks that are there to time one layer. A runtime does not tell what a single layer takes, so each layer has two
 * networks: one with `COUNT` of it side by side, all of the same input and each with weights of its own, one with a
 * single one. Both add up as many tensors, so their times differ by `COUNT` - 1 layers and by nothing else:
 *
 *   sum(layer 0 (input), layer 1 (input), ...)    sum(layer 0 (input), layer 0 (input), ...)
 *
 * The networks begin with a convolution that gives the layer its channels (not where the layer takes the image) and
 * end with a classifier, so that they are networks like any other.
 */
import * as format from "../../src/format.js";
import { type Attributes, type Model, NO_ATTRIBUTES, type Op, type Tensor } from "../../src/ops.js";

/** One layer, of `side` x `side` pixels, with the padding of TensorFlow's "same". */
export interface LayerCase {
  /** Of files: letters, digits and dashes. */
  readonly name: string;
  readonly label: string;
  readonly code: number;
  readonly side: number;
  readonly kernel: number;
  readonly stride: number;
  /** 3 is the image itself. */
  readonly inChannels: number;
  readonly outChannels: number;
}

/** Layers in the network with many. */
export const COUNT = 17;

const CLASSES = 8;

export const LAYERS: readonly LayerCase[] = [
  depthwise(1),
  depthwise(2),
  pointwise(64, 128),
  pointwise(128, 64),
  {
    name: "dense",
    label: "dense 3x3 /2, 3 -> 32, 512x512",
    code: format.CONVOLUTION,
    side: 512,
    kernel: 3,
    stride: 2,
    inChannels: 3,
    outChannels: 32,
  },
];

function depthwise(stride: number): LayerCase {
  return {
    name: `depthwise-${stride}`,
    label: `depthwise 3x3${stride > 1 ? ` /${stride}` : ""}, 64, 128x128`,
    code: format.DEPTHWISE,
    side: 128,
    kernel: 3,
    stride,
    inChannels: 64,
    outChannels: 64,
  };
}

function pointwise(channels: number, side: number): LayerCase {
  return {
    name: `pointwise-${channels}`,
    label: `pointwise ${channels} -> ${channels}, ${side}x${side}`,
    code: format.POINTWISE,
    side,
    kernel: 1,
    stride: 1,
    inChannels: channels,
    outChannels: channels,
  };
}

/** Multiply-accumulates of a layer. */
export function macsOf(layer: LayerCase): number {
  const side = layer.side / layer.stride;
  return side * side * layer.outChannels * tapsOf(layer.code, layer.kernel, layer.inChannels);
}

/** The network with `COUNT` of a layer, or with one. Weights are random, from a fixed seed. */
export function layerModel(layer: LayerCase, isMany: boolean): Model {
  const builder = new Builder();
  const { code, kernel, stride, side } = layer;
  const input =
    layer.inChannels === 3 ? 0 : builder.convolution(0, format.CONVOLUTION, layer.inChannels, 3, 1, side);
  const apply = () => builder.convolution(input, code, layer.outChannels, kernel, stride, side);
  const first = apply();
  let sum = first;
  for (let index = 1; index < COUNT; index++) sum = builder.add(sum, isMany ? apply() : first);
  const logits = builder.convolution(sum, format.POINTWISE, CLASSES, 1, 1, side / stride);
  return builder.finish(logits, layer);
}

function tapsOf(code: number, kernel: number, inChannels: number): number {
  return kernel * kernel * (code === format.DEPTHWISE ? 1 : inChannels);
}

class Builder {
  readonly #tensors: Tensor[] = [];
  readonly #ops: Op[] = [];
  #seed = 1;

  constructor() {
    this.#op(format.INPUT, [], { channels: 3, scale: Math.fround(1 / 255), zero: -128, min: -128, max: 127 });
  }

  /** A convolution with a ReLU, to 0..127. @returns the id of its output */
  convolution(
    input: number,
    code: number,
    channels: number,
    kernel: number,
    stride: number,
    side: number,
  ): number {
    const from = this.#tensors[input]!;
    const taps = tapsOf(code, kernel, from.channels);
    const weights = new Int8Array(taps * channels).map(() => this.#random(-127, 127));
    const deviation = 73 * ((from.max - from.min) / 3.5) * Math.sqrt(taps);
    const bias = new Int32Array(channels).map((_, o) => {
      const sum = weights.subarray(o * taps, (o + 1) * taps).reduce((total, weight) => total + weight, 0);
      return this.#random(-deviation, deviation) - from.zero * sum;
    });
    const output = positive(channels, 0.03);
    const scales = new Float32Array(channels).fill((30 * output.scale) / (deviation * from.scale));
    const attributes = code === format.POINTWISE ? {} : sameWindow(kernel, stride, side);
    const groups = code === format.CONVOLUTION ? { groups: 1 } : {};
    return this.#op(code, [input], output, {
      weights,
      bias,
      scales,
      attributes: { ...attributes, ...groups },
    });
  }

  /** @returns the id of the sum of two tensors */
  add(one: number, other: number): number {
    const { channels, scale } = this.#tensors[one]!;
    return this.#op(format.ADD, [one, other], positive(channels, scale + this.#tensors[other]!.scale));
  }

  finish(logits: number, { side, stride, label }: LayerCase): Model {
    this.#op(format.ARGMAX, [logits], { channels: 1, scale: 1, zero: 0, min: 0, max: 127 });
    const classes = Array.from({ length: CLASSES }, (_, id) => `class ${id}`);
    const palette = classes.map((_, id) => [id, id, id] as const);
    const input = { scale: 1 / 255, zero: -128, order: "RGB" } as const;
    const metadata = {
      name: label,
      classes,
      palette,
      input,
      provenance: { source: "bench/layers/cases.ts" },
    };
    return { tensors: this.#tensors, ops: this.#ops, metadata, stride, width: side, height: side };
  }

  #op(
    code: number,
    inputs: number[],
    output: Tensor,
    parts: Partial<Omit<Op, "attributes">> & { attributes?: Partial<Attributes> } = {},
  ): number {
    const id = this.#tensors.length;
    this.#tensors.push({ ...output, scale: Math.fround(output.scale) });
    this.#ops.push({
      code,
      inputs,
      output: id,
      weights: new Int8Array(0),
      bias: new Int32Array(0),
      scales: new Float32Array(0),
      table: new Int8Array(0),
      ...parts,
      attributes: { ...NO_ATTRIBUTES, ...parts.attributes },
    });
    return id;
  }

  /** A whole number from `least` to `most`, by a linear congruence. */
  #random(least: number, most: number): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(least + ((most - least + 1) * this.#seed) / 2 ** 32);
  }
}

function positive(channels: number, scale: number): Tensor {
  return { channels, scale, zero: 0, min: 0, max: 127 };
}

function sameWindow(kernel: number, stride: number, side: number): Partial<Attributes> {
  const padding = Math.max(0, (Math.ceil(side / stride) - 1) * stride + kernel - side);
  const before = Math.floor(padding / 2);
  return {
    kernelHeight: kernel,
    kernelWidth: kernel,
    strideY: stride,
    strideX: stride,
    dilationY: 1,
    dilationX: 1,
    padTop: before,
    padLeft: before,
    padBottom: padding - before,
    padRight: padding - before,
  };
}
