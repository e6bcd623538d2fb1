/**
 * Turns a model and a plan into the first bytes of linear memory: op records with addresses, and arrays packed
 * the way the kernels read them. What follows (arena, slack) starts as zeros.
 *
 * Packed weights of a convolution, for each group and block of 8 output channels: [depth / 2][8][2], where
 * depth runs over (ky, kx, input channel) and is padded with zeros to a multiple of 8. Of a depthwise
 * convolution, for each block of 8 channels: [kernelHeight / 2][kernelWidth][8][2], rows padded with zeros; where it
 * does two output rows at once, the same follows for the second, one input row lower. For the relaxed dot product,
 * where the input is 0..127, the innermost group is of 4, and so divides depth or rows.
 */
import * as format from "./format.js";
import type { Model } from "./model.js";
import { ATTRIBUTES, type Op, sameSize } from "./ops.js";
import { padTo } from "./place.js";
import { isPaired, type Plan, packingOf } from "./plan.js";
import * as record from "./record.js";

/**
 * Bytes of linear memory from address 0 to the arena.
 *
 * @param form how the engine sums products of input that is 0..127: see assembly/matmul.ts
 */
export function link(model: Model, plan: Plan, form = 0): Uint8Array {
  const image = new Uint8Array(plan.arenaAt);
  model.ops.forEach((op, index) => {
    const byFours = form > 0 && isRelaxable(op, model);
    for (let thread = 0; thread < plan.threads; thread++) {
      const view = new DataView(image.buffer, recordAt(model, index, thread));
      writeRecord(view, op, index, thread, model, plan);
      view.setInt32(record.FORM, byFours ? form : 0, true);
    }
    packArrays(image.buffer, op, index, model, plan, byFours ? 4 : 2);
  });
  return image;
}

/** Address of the record of an operation in a thread's list. */
export function recordAt({ ops }: Model, index: number, thread = 0): number {
  return record.RECORDS_AT + (thread * ops.length + index) * record.RECORD_BYTES;
}

/** Whether the relaxed dot product is exact for an operation: its second operand, padding too, must not be negative. */
function isRelaxable(op: Op, { tensors }: Model): boolean {
  const isConvolution = [format.POINTWISE, format.CONVOLUTION, format.DEPTHWISE].includes(op.code);
  return isConvolution && Math.min(tensors[op.inputs[0]!]!.min, tensors[op.inputs[0]!]!.zero) >= 0;
}

function writeRecord(view: DataView, op: Op, index: number, thread: number, model: Model, plan: Plan): void {
  const { tensors } = model;
  const words = (field: number, ...values: number[]) => {
    values.forEach((value, slot) => {
      view.setInt32(field + 4 * slot, value, true);
    });
  };
  const real = (field: number, value: number) => view.setFloat32(field, value, true);
  const addressOf = (id: number) => plan.arenaAt + plan.offsets[id]! + thread * plan.stepBytes[id]!;
  const inputs = op.inputs.map((id) => tensors[id]!);
  const output = tensors[op.output]!;
  const size = plan.sizes[op.output]!;
  const at = plan.parameters[index]!;
  const a = op.attributes;
  const scratch = plan.arenaAt + plan.scratch[index]! + thread * plan.scratchBytes[index]!;
  words(record.CODE, plan.turns[index] === index ? op.code : 0, ...op.inputs.map(addressOf));
  words(record.OUTPUT_AT, addressOf(op.output), at.weights, at.bias, at.multipliers, at.table, scratch);
  words(record.OUT_ROWS, plan.rows[op.output]!);
  words(record.OUT_HEIGHT, size.height, size.width, output.channels);
  words(record.ATTRIBUTES_AT, ...ATTRIBUTES.map((name) => a[name]));
  words(record.ZERO, ...inputs.map((input) => input.zero));
  words(record.OUT_ZERO, output.zero, output.min, output.max);
  words(record.PAIRED, isPaired(op) ? 1 : 0);
  words(record.CHANNELS, ...inputs.map((input) => input.channels));
  inputs.forEach((input, slot) => {
    real(record.MULTIPLIER + 4 * slot, input.scale / output.scale);
  });

  const [first, second] = inputs;
  if (!first) return;
  const { height, width } = plan.sizes[op.inputs[0]!]!;
  words(record.IN_HEIGHT, height, width, first.channels);
  words(record.IN_ROWS, plan.rows[op.inputs[0]!]!);
  const maker = plan.turns.indexOf(index);
  if (maker >= 0 && maker !== index) words(record.MAKER_AT, recordAt(model, maker, thread));
  const factor =
    op.code === format.GATE ? op.scales[0] : op.code === format.MULTIPLY ? second!.scale : undefined;
  if (factor) real(record.MULTIPLIER, multiplier(first.scale, factor, output.scale));
  if (second) words(record.REPEATED, sameSize(size, plan.sizes[op.inputs[1]!]!) ? 0 : 1);
}

/** (first * second) / output, each step rounded to binary32. */
function multiplier(first: number, second: number, output: number): number {
  return Math.fround(Math.fround(first * second) / output);
}

function packArrays(
  memory: ArrayBuffer,
  op: Op,
  index: number,
  model: Model,
  plan: Plan,
  step: number,
): void {
  const at = plan.parameters[index]!;
  const { table } = op;
  new Uint8Array(memory, at.table).set(new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
  const { groups, channels, depth } = packingOf(op, model);
  if (channels === 0) return;
  const weights = new Int8Array(memory, at.weights);
  const bias = new Int32Array(memory, at.bias);
  const multipliers = new Float32Array(memory, at.multipliers);
  const input = model.tensors[op.inputs[0]!]!;
  const output = model.tensors[op.output]!;
  const length = op.weights.length / output.channels;
  const { kernelHeight, kernelWidth } = op.attributes;
  const isDepthwise = op.code === format.DEPTHWISE;
  // taps of a depthwise convolution are summed down a column, all others in their order
  const places = Array.from({ length: length + kernelWidth }, (_, k) => {
    const row = isDepthwise ? Math.floor(k / kernelWidth) : k;
    const group = Math.floor(row / step);
    const place = isDepthwise ? group * kernelWidth + (k % kernelWidth) : group;
    return place * step * record.BLOCK + (row % step);
  });
  const rowDepth = isDepthwise ? padTo(kernelHeight, step) * kernelWidth : depth;
  const paired = isPaired(op);
  const blockDepth = paired ? 2 * rowDepth : rowDepth;
  for (let channel = 0; channel < output.channels; channel++) {
    const groupChannels = output.channels / groups;
    const slot = Math.floor(channel / groupChannels) * channels + (channel % groupChannels);
    bias[slot] = op.bias[channel]!;
    multipliers[slot] = multiplier(input.scale, op.scales[channel]!, output.scale);
    const lane = slot % record.BLOCK;
    const block = (slot - lane) * blockDepth + step * lane;
    const second = block + rowDepth * record.BLOCK;
    for (let k = 0; k < length; k++) {
      const weight = op.weights[channel * length + k]!;
      weights[block + places[k]!] = weight;
      if (paired) weights[second + places[k + kernelWidth]!] = weight;
    }
  }
}
