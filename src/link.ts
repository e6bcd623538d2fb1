/**
 * Turns a model and a plan into the first bytes of linear memory: op records with addresses, and arrays packed
 * the way the kernels read them. What follows (arena, slack) starts as zeros.
 *
 * Packed weights of a convolution, for each group and block of 8 output channels: [depth / 2][8][2], where
 * depth runs over (ky, kx, input channel) and is padded with zeros to a multiple of 8. Of a depthwise
 * convolution, for each block of 8 channels: [taps / 2][8][2], taps padded to an even number.
 */
import * as format from "./format.js";
import type { Model } from "./model.js";
import { ATTRIBUTES, type Op, sameSize } from "./ops.js";
import { depthOf, type Plan, padTo } from "./plan.js";
import * as record from "./record.js";

/** Bytes of linear memory from address 0 to the arena. */
export function link(model: Model, plan: Plan): Uint8Array {
  const image = new Uint8Array(plan.arenaAt);
  model.ops.forEach((op, index) => {
    writeRecord(new DataView(image.buffer, index * record.RECORD_BYTES), op, index, model, plan);
    packArrays(image.buffer, op, index, model, plan);
  });
  return image;
}

function writeRecord(view: DataView, op: Op, index: number, { tensors }: Model, plan: Plan): void {
  const word = (field: number, value: number) => view.setInt32(field, value, true);
  const real = (field: number, value: number) => view.setFloat32(field, value, true);
  const output = tensors[op.output]!;
  const size = plan.sizes[op.output]!;
  const parameters = plan.parameters[index]!;
  word(record.CODE, op.code);
  op.inputs.forEach((id, slot) => {
    const input = tensors[id]!;
    word(record.INPUT_AT + 4 * slot, plan.arenaAt + plan.offsets[id]!);
    word(record.ZERO + 4 * slot, input.zero);
    word(record.CHANNELS + 4 * slot, input.channels);
    real(record.MULTIPLIER + 4 * slot, Math.fround(input.scale / output.scale));
  });
  word(record.OUTPUT_AT, plan.arenaAt + plan.offsets[op.output]!);
  word(record.WEIGHTS_AT, parameters.weights);
  word(record.BIAS_AT, parameters.bias);
  word(record.MULTIPLIERS_AT, parameters.multipliers);
  word(record.TABLE_AT, parameters.table);
  word(record.SCRATCH_AT, plan.arenaAt + plan.scratch[index]!);
  word(record.OUT_HEIGHT, size.height);
  word(record.OUT_WIDTH, size.width);
  word(record.OUT_CHANNELS, output.channels);
  word(record.OUT_ZERO, output.zero);
  word(record.MIN, output.min);
  word(record.MAX, output.max);
  const a = op.attributes;
  ATTRIBUTES.forEach((name, index) => word(record.ATTRIBUTES_AT + 4 * index, a[name]));

  const [first, second] = op.inputs;
  if (first === undefined) return;
  const input = plan.sizes[first]!;
  word(record.IN_HEIGHT, input.height);
  word(record.IN_WIDTH, input.width);
  word(record.IN_CHANNELS, tensors[first]!.channels);
  if (op.code === format.GATE) {
    real(record.MULTIPLIER, multiplier(tensors[first]!.scale, op.scales[0]!, output.scale));
  }
  if (op.code === format.MULTIPLY) {
    real(record.MULTIPLIER, multiplier(tensors[first]!.scale, tensors[second!]!.scale, output.scale));
  }
  if (op.code === format.GLOBAL_AVERAGE_POOL) {
    const mean = Math.fround(input.height * input.width);
    real(record.MULTIPLIER, Math.fround(Math.fround(tensors[first]!.scale / output.scale) / mean));
  }
  if (op.code === format.RESIZE && a.mode !== format.NEAREST) {
    const down = denominator(a.mode, input.height, size.height);
    const across = denominator(a.mode, input.width, size.width);
    word(record.DENOMINATOR_Y, down);
    word(record.DENOMINATOR_X, across);
    const ratio = Math.fround(tensors[first]!.scale / output.scale);
    real(record.MULTIPLIER, Math.fround(ratio / Math.fround(down * across)));
  }
  if (op.code === format.ADD || op.code === format.MULTIPLY) {
    word(record.REPEATED, sameSize(size, plan.sizes[second!]!) ? 0 : 1);
  }
}

/** (first * second) / output, each step rounded to binary32. */
function multiplier(first: number, second: number, output: number): number {
  return Math.fround(Math.fround(first * second) / output);
}

/** Denominator of the bilinear weights along one axis: see format.md, resize. */
function denominator(mode: number, from: number, to: number): number {
  if (mode === format.BILINEAR && to === 2 * from) return 4;
  if (mode === format.BILINEAR && to === 4 * from) return 8;
  return record.FINE;
}

function packArrays(memory: ArrayBufferLike, op: Op, index: number, { tensors }: Model, plan: Plan): void {
  const at = plan.parameters[index]!;
  if (op.table.length > 0) {
    new Uint8Array(memory, at.table, op.table.byteLength).set(
      new Uint8Array(op.table.buffer, op.table.byteOffset, op.table.byteLength),
    );
  }
  if (op.weights.length === 0) return;
  const input = tensors[op.inputs[0]!]!;
  const output = tensors[op.output]!;
  const groups = op.code === format.CONVOLUTION ? op.attributes.groups : 1;
  const channels = output.channels / groups;
  const padded = padTo(channels, record.BLOCK);
  const taps = op.attributes.kernelHeight * op.attributes.kernelWidth;
  const depth = op.code === format.DEPTHWISE ? padTo(taps, 2) : depthOf(op, input.channels);
  const length = op.weights.length / output.channels;

  const weights = new Int8Array(memory, at.weights, groups * padded * depth);
  const bias = new Int32Array(memory, at.bias, groups * padded);
  const multipliers = new Float32Array(memory, at.multipliers, groups * padded);
  for (let channel = 0; channel < output.channels; channel++) {
    const group = Math.floor(channel / channels);
    const slot = group * padded + (channel % channels);
    bias[slot] = op.bias[channel]!;
    multipliers[slot] = multiplier(input.scale, op.scales[channel]!, output.scale);
    const lane = slot % record.BLOCK;
    const block = (slot - lane) * depth + 2 * lane;
    const from = channel * length;
    for (let k = 0; k < length; k++) {
      weights[block + (k >> 1) * 2 * record.BLOCK + (k & 1)] = op.weights[from + k]!;
    }
  }
}
