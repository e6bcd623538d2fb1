import { ModelError } from "./errors.js";
import * as format from "./format.js";
import type { Model } from "./model.js";
import { ATTRIBUTES, type Attributes, kindOf, type Op, type Tensor } from "./ops.js";
import { inferSizes } from "./shape.js";

/** Scales within these bounds keep every multiplier a finite, normal binary32 number. */
const MIN_SCALE = 2 ** -30;
const MAX_SCALE = 2 ** 30;
const MIN_WEIGHT_SCALE = 2 ** -60;
const MAX_RATIO = 64;

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
    if (fault) throw new ModelError(`op ${index} (${kindOf(op).name}): ${fault}`);
  });
  validateEnds(model);
  for (const [name, side] of [
    ["width", model.width],
    ["height", model.height],
  ] as const) {
    if (model.stride === 0 || side === 0 || side % model.stride !== 0 || side > format.MAX_SIDE) {
      throw new ModelError(`header: default ${name} ${side} is not a multiple of stride ${model.stride}`);
    }
  }
  inferSizes(model, model.height, model.width);
}

function validateTensor(tensor: Tensor, id: number): void {
  const { channels, scale, zero, min, max } = tensor;
  if (channels < 1 || channels > format.MAX_CHANNELS)
    throw new ModelError(`tensor ${id}: ${channels} channels`);
  if (!(scale >= MIN_SCALE && scale <= MAX_SCALE)) throw new ModelError(`tensor ${id}: scale ${scale}`);
  if (zero < -128 || zero > 127) throw new ModelError(`tensor ${id}: zero point ${zero}`);
  if (min < -128 || max > 127 || min > max) throw new ModelError(`tensor ${id}: range ${min}..${max}`);
}

/** Every tensor is written once, before it is read; input first, argmax last. */
function validateOrder({ tensors, ops }: Model): void {
  const written = new Set<number>();
  ops.forEach((op, index) => {
    const where = `op ${index} (${kindOf(op).name})`;
    if ((op.code === format.INPUT) !== (index === 0))
      throw new ModelError(`${where}: input must be the first op`);
    if ((op.code === format.ARGMAX) !== (index === ops.length - 1)) {
      throw new ModelError(`${where}: argmax must be the last op`);
    }
    for (const id of op.inputs) {
      if (!written.has(id)) throw new ModelError(`${where}: tensor ${id} is read before it is written`);
    }
    if (written.has(op.output)) throw new ModelError(`${where}: tensor ${op.output} is written twice`);
    written.add(op.output);
  });
  if (ops.length < 2) throw new ModelError(`header: ${ops.length} ops`);
  if (written.size !== tensors.length) {
    throw new ModelError(`header: ${tensors.length} tensors, of which ${written.size} are written`);
  }
}

function findFault(op: Op, tensors: readonly Tensor[]): string | undefined {
  const kind = kindOf(op);
  const output = tensors[op.output]!;
  const inputs = op.inputs.map((id) => tensors[id]!);
  const [first, second] = inputs;
  for (const name of ATTRIBUTES) {
    if (!kind.attributes.includes(name) && op.attributes[name] !== 0) return `it has no ${name}`;
  }
  const channels = kind.channels(inputs.map((input) => input.channels));
  if (channels !== 0 && channels !== output.channels)
    return `${output.channels} output channels, not ${channels}`;
  if (kind.sameScale && (first!.scale !== output.scale || first!.zero !== output.zero)) {
    return "input and output differ in scale or zero point";
  }
  if (kind.sameScale && (first!.min < output.min || first!.max > output.max)) {
    return "the output's range is narrower than the input's";
  }
  for (const scale of op.scales) {
    if (!(scale >= MIN_WEIGHT_SCALE && scale <= MAX_SCALE)) return `scale ${scale}`;
  }
  switch (op.code) {
    case format.CONVOLUTION:
      if (output.channels % op.attributes.groups !== 0) {
        return `${output.channels} channels do not divide into ${op.attributes.groups} groups`;
      }
      return findWindowFault(op.attributes);
    case format.AVERAGE_POOL:
      if (op.attributes.mode > format.COUNT_PADDING) return `mode ${op.attributes.mode}`;
      return findWindowFault(op.attributes);
    case format.DEPTHWISE:
    case format.MAX_POOL:
      return findWindowFault(op.attributes);
    case format.GATE:
      if (op.attributes.numerator < 1 || op.attributes.numerator > MAX_RATIO) {
        return `pool factor ${op.attributes.numerator}`;
      }
      return first!.channels === second!.channels ? undefined : "value and attention differ in channels";
    case format.ADD:
    case format.MULTIPLY:
      return first!.channels === second!.channels ? undefined : "the inputs differ in channels";
    case format.RESIZE:
      return findResizeFault(op);
    case format.PAD:
      return isWithin(op.attributes.value, output) ? undefined : `value ${op.attributes.value}`;
    case format.LOOKUP: {
      const reached = (op.table as Int8Array).subarray(first!.min + 128, first!.max + 129);
      return reached.every((entry) => isWithin(entry, output))
        ? undefined
        : "the table leaves the output's range";
    }
    default:
      return undefined;
  }
}

function isWithin(value: number, { min, max }: Tensor): boolean {
  return value >= min && value <= max;
}

/** Every window has at least its first or last tap beside the input's pixels, so it is never empty for lack of room. */
function findWindowFault(a: Attributes): string | undefined {
  if (!a.kernelHeight || !a.kernelWidth) return "the kernel has no taps";
  if (!a.strideY || !a.strideX) return "a stride is 0";
  if (!a.dilationY || !a.dilationX) return "a dilation is 0";
  const height = a.dilationY * (a.kernelHeight - 1) + 1;
  const width = a.dilationX * (a.kernelWidth - 1) + 1;
  const fits = Math.max(a.padTop, a.padBottom) < height && Math.max(a.padLeft, a.padRight) < width;
  return fits ? undefined : "the padding is wider than the kernel";
}

function findResizeFault({ inputs, attributes }: Op): string | undefined {
  const { mode, numerator, denominator } = attributes;
  if (mode > format.BILINEAR_ALIGNED) return `mode ${mode}`;
  if (inputs.length === 2) return numerator || denominator ? "both a ratio and a size are given" : undefined;
  const valid =
    numerator > 0 && denominator > 0 && numerator <= MAX_RATIO * denominator && numerator <= format.MAX_SIDE;
  return valid ? undefined : `ratio ${numerator}/${denominator}`;
}

/** The input is a picture of 8-bit colours, the scores have a channel for each class of the card. */
function validateEnds({ tensors, ops, card }: Model): void {
  const input = tensors[ops[0]!.output]!;
  if (input.zero !== -128 || input.scale !== Math.fround(1 / 255)) {
    throw new ModelError("input: scale must be 1/255 and zero point -128");
  }
  if (input.min !== -128 || input.max !== 127) throw new ModelError("input: range must be -128..127");
  const scores = tensors[ops.at(-1)!.inputs[0]!]!;
  if (scores.channels < 2 || scores.channels > format.MAX_CLASSES) {
    throw new ModelError(`argmax: ${scores.channels} classes`);
  }
  if (scores.channels !== card.classes.length) {
    throw new ModelError(`card: ${card.classes.length} classes for ${scores.channels} scores`);
  }
  const names = card.tensors?.length ?? tensors.length;
  if (names !== tensors.length) throw new ModelError(`card: ${names} names for ${tensors.length} tensors`);
}
