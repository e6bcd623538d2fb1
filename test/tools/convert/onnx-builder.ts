/** ONNX files for tests, written node by node with weights from a seed. */
import {
  FLOAT,
  INT64,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from "../../../tools/convert/onnx/read.js";
import { encode, writeOnnx } from "../../../tools/convert/onnx/write.js";
import { Random } from "../../fixtures/random.js";

/** An attribute: whole numbers are ints, `{ float }` is a float. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

/** Padding, strides and so on of `conv`. */
export interface ConvOptions {
  readonly stride?: number;
  readonly dilation?: number;
  readonly group?: number;
  readonly pads?: readonly number[];
  readonly bias?: boolean;
}

/** For tests that start onnxruntime, in milliseconds: it takes seconds on a busy machine. */
export const TIMEOUT = 120_000;

export class OnnxBuilder {
  readonly input = "x";
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly random: Random;

  /** @param dims of the input; 0 is an open size */
  constructor(
    seed = 1,
    readonly dims: readonly number[] = [1, 3, 32, 48],
  ) {
    this.random = new Random(seed);
  }

  /** A real number of -1..1. */
  real(): number {
    return this.random.integer(-100_000, 100_000) / 100_000;
  }

  /** @returns the name of the (first) output */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = `${type.toLowerCase()}${this.nodes.length}`,
  ): string {
    const list = Object.entries(attributes).map(([name, value]) => [name, toAttribute(value)]);
    this.nodes.push({
      name: `node_${output}`,
      type,
      domain: "",
      inputs: [...inputs],
      outputs: [output],
      attributes: Object.fromEntries(list),
    });
    return output;
  }

  constant(values: ArrayLike<number>, dims: readonly number[] = [values.length], type = FLOAT): string {
    const name = `constant${this.initializers.length}`;
    this.initializers.push({ name, dims: [...dims], type, raw: encode(type, values), numbers: [] });
    return name;
  }

  number(value: number): string {
    return this.constant([value], []);
  }

  ints(...values: number[]): string {
    return this.constant(values, [values.length], INT64);
  }

  /** Random numbers of `center - spread .. center + spread`. */
  noise(dims: readonly number[], spread: number, center = 0): string {
    const count = dims.reduce((product, size) => product * size, 1);
    return this.constant(
      Array.from({ length: count }, () => center + spread * this.real()),
      dims,
    );
  }

  conv(input: string, inputs: number, outputs: number, kernel = 1, options: ConvOptions = {}): string {
    const { stride = 1, dilation = 1, group = 1, bias = true } = options;
    const side = Math.floor((dilation * (kernel - 1)) / 2);
    const spread = Math.sqrt(3 / ((inputs / group) * kernel * kernel));
    const names = [input, this.noise([outputs, inputs / group, kernel, kernel], spread)];
    if (bias) names.push(this.noise([outputs], 0.3));
    return this.node("Conv", names, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      dilations: [dilation, dilation],
      pads: options.pads ?? [side, side, side, side],
      group,
    });
  }

  batchNorm(input: string, channels: number): string {
    const shape = [channels];
    return this.node("BatchNormalization", [
      input,
      this.noise(shape, 0.5, 1),
      this.noise(shape, 0.3),
      this.noise(shape, 0.2),
      this.noise(shape, 0.4, 1),
    ]);
  }

  /** @param others more outputs; `type` is that of the input's elements */
  build(output: string, opset = 17, others: readonly string[] = [], type = FLOAT): Uint8Array {
    return writeOnnx({
      opset,
      nodes: this.nodes,
      initializers: this.initializers,
      inputs: [{ name: this.input, type, dims: [...this.dims] }],
      outputs: [output, ...others].map((name) => ({ name, type: 0 })),
    });
  }
}

function toAttribute(value: Attribute): OnnxAttribute {
  if (typeof value === "number") return { kind: "int", value };
  if (typeof value === "string") return { kind: "string", value };
  if (Array.isArray(value)) return { kind: "ints", value: [...(value as number[])] };
  return { kind: "float", value: (value as { float: number }).float };
}

/** Images of soft blobs with some noise: rgb [height][width][3]. */
export function images(count: number, width = 48, height = 32, seed = 7): Uint8Array[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const waves = Array.from({ length: 9 }, () => [0, 1, 2].map(() => random.integer(0, 1000) / 1000));
    const image = new Uint8Array(width * height * 3);
    for (let at = 0; at < image.length; at++) {
      const x = (Math.floor(at / 3) % width) / width;
      const y = Math.floor(at / 3 / width) / height;
      let sum = 0;
      for (const [across, down, phase] of waves.slice((at % 3) * 3, (at % 3) * 3 + 3)) {
        sum += Math.sin(6.3 * (2 * across! * x + 2 * down! * y + phase!));
      }
      image[at] = Math.min(255, Math.max(0, 128 + 40 * sum + random.integer(-20, 20)));
    }
    return image;
  });
}
