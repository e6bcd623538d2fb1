import { expectModel } from "./errors.js";
import * as format from "./format.js";
import { ATTRIBUTES, type Attributes, bytesOf, kindOf, type Model, type Op, type Tensor } from "./ops.js";
import { inferSizes } from "./shape.js";

/** Scales within these bounds keep every multiplier a finite, normal binary32 number. */
const MIN_SCALE = 2 ** -30;
const MAX_SCALE = 2 ** 30;
const MIN_WEIGHT_SCALE = 2 ** -60;
const MAX_RATIO = 64;
const LEAVES = "the table leaves the output's range";
/** Attributes that are never 0 where an operation has them: of the kernel, strides, dilations. */
const EXTENTS = ATTRIBUTES.slice(0, 6);

/**
 * Checks everything that the planner and the kernels rely on.
 *
 * @throws ModelError that names the operation or tensor at fault
 */
export function validate(model: Model): void {
  model.tensors.forEach(validateTensor);
  validateOrder(model);
  model.ops.forEach((op, index) => {
    const fault = findFault(op, model.tensors);
    expectModel(!fault, `op ${index} (${kindOf(op).name}): ${fault}`);
  });
  validateEnds(model);
  const { width, height, stride } = model;
  for (const side of [width, height]) {
    const valid = side > 0 && side <= format.MAX_SIDE && side % stride === 0;
    expectModel(valid, `header: default size ${width}x${height}, stride ${stride}`);
  }
  inferSizes(model, height, width);
}

function validateTensor({ channels, scale, zero, min, max }: Tensor, id: number): void {
  const valid =
    channels >= 1 &&
    channels <= format.MAX_CHANNELS &&
    scale >= MIN_SCALE &&
    scale <= MAX_SCALE &&
    Math.min(zero, min) >= format.WIDE_MIN &&
    Math.max(zero, max) <= format.WIDE_MAX &&
    min <= max;
  expectModel(
    valid,
    `tensor ${id}: ${channels} channels, scale ${scale}, zero ${zero}, range ${min}..${max}`,
  );
}

/** Every tensor is written once, before it is read; input first, argmax last. */
function validateOrder({ tensors, ops }: Model): void {
  const written = new Set<number>();
  ops.forEach((op, index) => {
    const where = `op ${index} (${kindOf(op).name})`;
    const isInPlace =
      (op.code === format.INPUT) === (index === 0) &&
      (op.code === format.ARGMAX) === (index === ops.length - 1);
    expectModel(isInPlace, `${where}: input must come first, argmax last`);
    for (const id of op.inputs) expectModel(written.has(id), `${where}: tensor ${id} is read before written`);
    expectModel(!written.has(op.output), `${where}: tensor ${op.output} is written twice`);
    written.add(op.output);
  });
  expectModel(ops.length >= 2, `header: ${ops.length} ops`);
  expectModel(written.size === tensors.length, `header: ${tensors.length} tensors, ${written.size} written`);
}

/** What is wrong with an operation, or false. */
function findFault(op: Op, tensors: readonly Tensor[]): string | false {
  const kind = kindOf(op);
  const a = op.attributes;
  const output = tensors[op.output]!;
  const inputs = op.inputs.map((id) => tensors[id]!);
  const [first, second] = inputs;
  const has = (name: keyof Attributes) => kind.attributes.includes(name);
  if (ATTRIBUTES.some((name) => !has(name) && a[name] !== 0)) return "an unused field is not zero";
  const isWide = (tensor: Tensor) => bytesOf(tensor) > 1;
  const canWiden = [format.CONVOLUTION, format.POINTWISE].includes(op.code) && op.table.length === 0;
  if ((isWide(output) && !canWiden) || (op.code !== format.ARGMAX && inputs.some(isWide))) {
    return "wide values";
  }
  if (EXTENTS.some((name) => has(name) && a[name] === 0)) return "kernel, stride or dilation is 0";
  if (a.mode > kind.lastMode) return `mode ${a.mode}`;
  const inChannels = inputs.map(({ channels }) => channels);
  const channels = kind.channels(inChannels, a) || output.channels;
  if (channels !== output.channels) return `${output.channels} output channels, not ${channels}`;
  if (has("groups") && !(channels % a.groups === 0)) return `${channels} channels in ${a.groups} groups`;
  if (kind.arity[0] === kind.arity[1] && second && first!.channels !== second.channels)
    return "the inputs differ in channels";
  const { scale: inScale, zero, min, max } = first ?? output;
  const same = inScale === output.scale && zero === output.zero && min >= output.min && max <= output.max;
  if (kind.sameScale && !same) return "input and output differ in scale or range";
  const least = op.code === format.PRELU ? -MAX_SCALE : MIN_WEIGHT_SCALE;
  const scale = op.scales.find((value) => !(value >= least && value <= MAX_SCALE));
  if (scale !== undefined) return `scale ${scale}`;
  const within = (value: number) => value >= output.min && value <= output.max;
  if (kind.taps && !op.table.every(within)) return LEAVES;
  if (has("kernelHeight")) return hasWidePadding(a) && "padding as wide as the kernel";
  switch (op.code) {
    case format.GATE:
      return !(a.numerator >= 1 && a.numerator <= MAX_RATIO) && `factor ${a.numerator}`;
    case format.RESIZE: {
      const ratio = a.numerator / a.denominator;
      const valid = second ? !a.numerator && !a.denominator : ratio > 0 && ratio <= MAX_RATIO;
      return !valid && `ratio ${a.numerator}/${a.denominator}`;
    }
    case format.PAD:
      if (a.mode !== format.PAD_VALUE) return a.value !== 0 && "an unused field is not zero";
      return !within(a.value) && `value ${a.value}`;
    case format.MAX_UNPOOL:
      return !within(output.zero) && `zero ${output.zero}`;
    case format.LOOKUP: {
      const reached = (op.table as Int8Array).subarray(first!.min + 128, first!.max + 129);
      return !reached.every(within) && LEAVES;
    }
    default:
      return false;
  }
}

/** Padding is narrower than the kernel, so the first or the last row of taps of every window is inside or beside. */
function hasWidePadding(a: Attributes): boolean {
  const height = a.dilationY * (a.kernelHeight - 1) + 1;
  const width = a.dilationX * (a.kernelWidth - 1) + 1;
  return Math.max(a.padTop, a.padBottom) >= height || Math.max(a.padLeft, a.padRight) >= width;
}

/** The input is an image of 8-bit colours, the logits have a channel for each class of the metadata. */
function validateEnds({ tensors, ops, metadata }: Model): void {
  const { scale, zero, min, max } = tensors[ops[0]!.output]!;
  const plain = scale === Math.fround(1 / 255) && zero === -128 && min === -128 && max === 127;
  expectModel(plain, "input: not scale 1/255, zero -128, range -128..127");
  const classes = tensors[ops[ops.length - 1]!.inputs[0]!]!.channels;
  expectModel(classes >= 2 && classes <= format.MAX_CLASSES, `argmax: ${classes} classes`);
  const known = metadata.classes.length;
  expectModel(classes === known, `metadata: ${known} classes for ${classes} logits`);
  const names = metadata.tensors?.length ?? tensors.length;
  expectModel(names === tensors.length, `metadata: ${names} names for ${tensors.length} tensors`);
}
