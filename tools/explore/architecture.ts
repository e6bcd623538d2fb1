/** From an architecture file of tools/train/network.py to the operations of the converted network, without weights. */
import * as format from "../../src/format.js";
import { type Attributes, type Model, NO_ATTRIBUTES, type Op, type Tensor } from "../../src/ops.js";
import { UserError } from "../common/errors.js";

/** See tools/train/network.py for what the fields mean. */
export interface Architecture {
  readonly name?: string;
  readonly classes: number;
  readonly shrink?: number;
  readonly stem: {
    readonly width: number;
    readonly kernel: number;
    readonly stride?: 2 | 4;
    readonly project?: number;
  };
  readonly stages: readonly Stage[];
  readonly refinement: {
    readonly width: number;
    readonly kernel: number;
    readonly scales?: readonly number[];
    readonly condensers?: readonly (Condenser | null)[];
  };
}

interface Stage {
  readonly width: number;
  readonly kernel: number;
  readonly blocks: readonly Block[];
}

interface Block {
  readonly expand: number;
  readonly width?: number;
  readonly condenser: Condenser | null;
}

interface Condenser {
  readonly pool: number;
  readonly ratio: number;
  readonly residual: boolean;
}

const SCALES = [16, 8, 4];
/** The scale of the stem's map. */
const FINEST = 2;
const STAGES = 4;
/** Input width and height are multiples of this, times what the image is shrunk by. */
const STRIDE = 32;

/**
 * Reads an architecture file.
 *
 * @throws UserError that names what is missing or cannot be built
 */
export function parseArchitecture(text: string): Architecture {
  let value: Architecture;
  try {
    value = JSON.parse(text) as Architecture;
  } catch {
    throw new UserError("the architecture is not JSON");
  }
  expectArchitecture(value);
  return value;
}

/** Throws a UserError for what no operations could be made of; network.py checks the rest. */
function expectArchitecture(value: Architecture | null): void {
  const expect = (holds: boolean, field: string): void => {
    if (!holds) throw new UserError(`not an architecture: ${field}`);
  };
  const isWidth = (width: unknown) => Number.isInteger(width) && (width as number) > 0;
  const isKernel = (kernel: unknown) => isWidth(kernel) && (kernel as number) % 2 === 1;
  expect(typeof value === "object" && value !== null, "an object is expected");
  const { classes, shrink, stem, stages, refinement } = value!;
  expect(isWidth(classes), "classes");
  expect(shrink === undefined || (isWidth(shrink) && shrink > 1), "shrink");
  for (const [field, part] of Object.entries({ stem, refinement })) {
    expect(isWidth(part?.width) && isKernel(part?.kernel), field);
  }
  expect([2, 4].includes(stem.stride ?? 2), "stem.stride");
  expect(isWidth(stem.project ?? 1), "stem.project");
  const { scales = SCALES } = refinement;
  const possible = stem.stride === 4 ? SCALES : [...SCALES, FINEST];
  const isOrdered = () => String(scales) === String(possible.filter((scale) => scales.includes(scale)));
  expect(Array.isArray(scales) && scales.length > 0 && isOrdered(), "refinement.scales");
  const isCondenser = (c: Condenser | null | undefined, scale: number) =>
    c === null || (isWidth(c?.pool) && (STRIDE / scale) % c!.pool === 0 && c!.ratio > 0);
  const { condensers = scales.map(() => null) } = refinement;
  const areCondensers = () => condensers.every((condenser, at) => isCondenser(condenser, scales[at]!));
  expect(
    Array.isArray(condensers) && condensers.length === scales.length && areCondensers(),
    "refinement.condensers",
  );
  expect(Array.isArray(stages) && stages.length === STAGES, "stages");
  stages.forEach((stage: Stage | null, index) => {
    const isStage = isWidth(stage?.width) && isKernel(stage?.kernel) && Array.isArray(stage?.blocks);
    expect(isStage && stage!.blocks.length > 0, `stages[${index}]`);
    const isBlock = (block: Block | null) =>
      isWidth(block?.expand) && isWidth(block?.width ?? 1) && isCondenser(block?.condenser, 4 << index);
    expect(stage!.blocks.every(isBlock), `stages[${index}].blocks`);
  });
}

/** Activations as the converter makes them: 7 bits. */
const TENSOR: Omit<Tensor, "channels"> = { scale: Math.fround(1 / 64), zero: 0, min: 0, max: 127 };

/** A model under construction: each method appends an operation and returns the id of the tensor it writes. */
export class ShapeBuilder {
  readonly tensors: Tensor[] = [];
  readonly ops: Op[] = [];

  constructor() {
    this.add(format.INPUT, [], 3);
  }

  /** Appends an operation with `taps` weights for each output channel. */
  add(
    code: number,
    inputs: readonly number[],
    channels: number,
    attributes: Partial<Attributes> = {},
    taps = 0,
  ): number {
    const output = this.tensors.length;
    this.tensors.push({ channels, ...TENSOR });
    const filters = taps ? channels : 0;
    this.ops.push({
      code,
      inputs,
      output,
      attributes: { ...NO_ATTRIBUTES, ...attributes },
      weights: new Int8Array(taps * channels),
      bias: new Int32Array(filters),
      scales: new Float32Array(code === format.GATE ? 1 : filters).fill(1 / 1024),
      table: code === format.GATE ? new Int16Array(256) : new Int8Array(0),
    });
    return output;
  }

  channels(tensor: number): number {
    return this.tensors[tensor]!.channels;
  }

  pointwise(input: number, channels: number): number {
    return this.add(format.POINTWISE, [input], channels, {}, this.channels(input));
  }

  depthwise(input: number, kernel: number, stride: number): number {
    return this.add(format.DEPTHWISE, [input], this.channels(input), window(kernel, stride), kernel * kernel);
  }

  convolution(input: number, channels: number, kernel: number, stride: number): number {
    const attributes = { ...window(kernel, stride), groups: 1 };
    return this.add(
      format.CONVOLUTION,
      [input],
      channels,
      attributes,
      kernel * kernel * this.channels(input),
    );
  }

  /** Maximum or mean over blocks of so many times so many pixels. */
  pool(code: typeof format.MAX_POOL | typeof format.AVERAGE_POOL, input: number, pool: number): number {
    const attributes = { ...window(pool, pool), padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 };
    return this.add(code, [input], this.channels(input), attributes);
  }

  gate(value: number, attention: number, pool: number): number {
    return this.add(format.GATE, [value, attention], this.channels(value), { numerator: pool });
  }

  resize(input: number, factor: number): number {
    const attributes = { mode: format.BILINEAR, numerator: factor, denominator: 1 };
    return this.add(format.RESIZE, [input], this.channels(input), attributes);
  }

  sum(first: number, second: number): number {
    return this.add(format.ADD, [first, second], this.channels(first));
  }

  /**
   * The model, once `argmax` has been appended to its logits.
   *
   * @param stride input width and height must be multiples of it
   */
  finish(logits: number, name: string, stride: number): Model {
    this.add(format.ARGMAX, [logits], 1);
    const classes = Array.from({ length: this.channels(logits) }, (_, id) => `class ${id}`);
    const input = { scale: 1 / 255, zero: -128, order: "RGB" as const };
    const metadata = { name, classes, palette: classes.map(() => [0, 0, 0] as const), input, provenance: {} };
    return { tensors: this.tensors, ops: this.ops, metadata, stride, width: 512, height: 512 };
  }
}

function window(kernel: number, stride: number): Partial<Attributes> {
  const pad = (kernel - 1) / 2;
  return {
    kernelHeight: kernel,
    kernelWidth: kernel,
    strideY: stride,
    strideX: stride,
    dilationY: 1,
    dilationX: 1,
    padTop: pad,
    padLeft: pad,
    padBottom: pad,
    padRight: pad,
  };
}

/** The operations that the converter makes of a network, in its order; weights are zeros. */
export function shapeModel(architecture: Architecture): Model {
  const { name = "network", classes, shrink, stem, stages, refinement } = architecture;
  const builder = new ShapeBuilder();
  const stemStride = stem.stride ?? 2;
  const image = shrink ? builder.pool(format.AVERAGE_POOL, 0, shrink) : 0;
  let x = builder.convolution(image, stem.width, stem.kernel, stemStride);
  if (stem.project !== undefined) x = builder.pointwise(builder.depthwise(x, 3, 1), stem.project);
  const maps = new Map([[FINEST, x]]);
  for (const [index, stage] of stages.entries()) {
    for (const [at, { expand, width = stage.width, condenser }] of stage.blocks.entries()) {
      const stride = at > 0 ? 1 : index > 0 ? 2 : 4 / stemStride;
      let y = builder.depthwise(builder.pointwise(x, expand), stage.kernel, stride);
      if (condenser) y = condense(builder, y, condenser);
      y = builder.pointwise(y, width);
      const adds = stride === 1 && builder.channels(x) === width;
      x = adds ? builder.sum(x, y) : y;
    }
    maps.set(4 << index, x);
  }
  x = builder.pointwise(x, refinement.width);
  let coarser = STRIDE;
  for (const [at, scale] of (refinement.scales ?? SCALES).entries()) {
    const large = builder.resize(x, coarser / scale);
    const lateral = builder.pointwise(maps.get(scale)!, refinement.width);
    x = builder.depthwise(builder.sum(large, lateral), refinement.kernel, 1);
    const condenser = refinement.condensers?.[at];
    if (condenser) x = condense(builder, x, condenser);
    x = builder.pointwise(x, refinement.width);
    coarser = scale;
  }
  return builder.finish(builder.pointwise(x, classes), name, STRIDE * (shrink ?? 1));
}

function condense(builder: ShapeBuilder, value: number, { pool, ratio }: Condenser): number {
  const channels = builder.channels(value);
  const narrow = Math.max(8, Math.floor((channels * ratio) / 8 + 0.5) * 8);
  const condensed = pool > 1 ? builder.pool(format.MAX_POOL, value, pool) : value;
  const mixed = builder.depthwise(builder.pointwise(condensed, narrow), 3, 1);
  return builder.gate(value, builder.pointwise(mixed, channels), pool);
}
