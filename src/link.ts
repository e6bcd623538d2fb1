/**
 * Turns a model and a plan into the first bytes of linear memory: op records with addresses, and arrays packed
 * the way the kernels read them. What follows (arena, slack) starts as zeros.
 *
 * Packed weights of a convolution, for each group and block of 8 output channels: [depth / 2][8][2], where
 * depth runs over (ky, kx, input channel) and is padded with zeros to a multiple of 8. Of a depthwise
 * convolution, for each block of 8 channels: [kernelHeight / 2][kernelWidth][8][2], kernelHeight padded to a
 * multiple of 4; where it does two output rows at once, the same follows for the second, one input row lower. For the
 * relaxed dot product, where the input is 0..127, the innermost group is of 4, and so divides depth or rows.
 */
import * as format from "./format.js";
import type { Model } from "./model.js";
import { ATTRIBUTES, type Op, sameSize } from "./ops.js";
import { type Plan, packingOf, rowsAtOnce } from "./plan.js";
import * as record from "./record.js";

/**
 * Bytes of linear memory from address 0 to the arena.
 *
 * @param form how the engine sums products of input that is 0..127: see assembly/dot.ts
 */
export function link(model: Model, plan: Plan, form = 0): Uint8Array {
  const image = new Uint8Array(plan.arenaAt);
  model.ops.forEach((op, index) => {
    const used = isRelaxable(op, model) ? form : 0;
    for (let thread = 0; thread < plan.threads; thread++) {
      const view = new DataView(image.buffer, recordAt(model, index, thread));
      writeRecord(view, op, index, thread, model, plan, used);
    }
    packArrays(image.buffer, op, index, model, plan, used ? 4 : 2);
  });
  return image;
}

/** Address of the record of an operation in a thread's list. */
export function recordAt({ ops }: Model, index: number, thread = 0): number {
  return record.RECORDS_AT + (thread * ops.length + index) * record.RECORD_BYTES;
}

/** Whether the relaxed dot product is exact for an operation: its second operand, padding too, must not be negative. */
function isRelaxable(op: Op, { tensors }: Model): boolean {
  return op.inputs.every((id) => Math.min(tensors[id]!.min, tensors[id]!.zero) >= 0);
}

function writeRecord(
  view: DataView,
  op: Op,
  index: number,
  thread: number,
  model: Model,
  plan: Plan,
  form: number,
): void {
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
  words(record.OUT_ROWS, plan.rows[op.output]!, rowsAtOnce(op), form);
  words(record.OUT_HEIGHT, size.height, size.width, output.channels);
  words(record.ATTRIBUTES_AT, ...ATTRIBUTES.map((name) => a[name]));
  words(record.ZERO, ...inputs.map((input) => input.zero));
  words(record.OUT_ZERO, output.zero, output.min, output.max);
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
  // taps of a depthwise convolution are summed down a column, all others in their order
  const isDepthwise = op.code === format.DEPTHWISE;
  const columns = isDepthwise ? op.attributes.kernelWidth : 1;
  const copies = isDepthwise ? rowsAtOnce(op) : 1;
  const places = Array.from({ length: length + columns }, (_, k) => {
    const row = Math.floor(k / columns);
    return (Math.floor(row / step) * columns + (k % columns)) * step * record.BLOCK + (row % step);
  });
  for (let channel = 0; channel < output.channels; channel++) {
    const groupChannels = output.channels / groups;
    const slot = Math.floor(channel / groupChannels) * channels + (channel % groupChannels);
    bias[slot] = op.bias[channel]!;
    multipliers[slot] = multiplier(input.scale, op.scales[channel]!, output.scale);
    const lane = slot % record.BLOCK;
    for (let copy = 0; copy < copies; copy++) {
      const block = (slot - lane + (record.BLOCK * copy) / copies) * depth + step * lane;
      for (let k = 0; k < length; k++) {
        weights[block + places[k + copy * columns]!] = op.weights[channel * length + k]!;
      }
    }
  }
}
