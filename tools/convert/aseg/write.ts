import { crc32 } from "../../../src/checksum.js";
import * as format from "../../../src/format.js";
import type { Model } from "../../../src/model.js";
import type { Attributes, Op, Tensor } from "../../../src/ops.js";

const ATTRIBUTE_FIELDS: readonly (readonly [keyof Attributes, number, 1 | 2])[] = [
  ["kernelHeight", format.OP_KERNEL_HEIGHT, 1],
  ["kernelWidth", format.OP_KERNEL_WIDTH, 1],
  ["strideY", format.OP_STRIDE_Y, 1],
  ["strideX", format.OP_STRIDE_X, 1],
  ["dilationY", format.OP_DILATION_Y, 1],
  ["dilationX", format.OP_DILATION_X, 1],
  ["padTop", format.OP_PAD_TOP, 1],
  ["padLeft", format.OP_PAD_LEFT, 1],
  ["padBottom", format.OP_PAD_BOTTOM, 1],
  ["padRight", format.OP_PAD_RIGHT, 1],
  ["groups", format.OP_GROUPS, 2],
  ["mode", format.OP_MODE, 2],
  ["numerator", format.OP_NUMERATOR, 2],
  ["denominator", format.OP_DENOMINATOR, 2],
  ["value", format.OP_VALUE, 2],
];

const ARRAY_FIELDS = [
  ["weights", format.OP_WEIGHTS],
  ["bias", format.OP_BIAS],
  ["scales", format.OP_SCALES],
  ["table", format.OP_TABLE],
] as const;

const align = (bytes: number): number => Math.ceil(bytes / format.ALIGNMENT) * format.ALIGNMENT;

/**
 * The bytes of a `.aseg` file. Canonical: equal models give equal bytes, and `parseModel` gives the model back.
 * Arrays lie in the order of the operations (weights, bias, scales, table); the model is not validated here.
 *
 * @throws RangeError if a number does not fit its field
 */
export function writeModel(model: Model): Uint8Array {
  const card = new TextEncoder().encode(JSON.stringify(model.card));
  const opsAt = format.HEADER_BYTES + model.tensors.length * format.TENSOR_BYTES;
  const dataAt = opsAt + model.ops.length * format.OP_BYTES;
  let cardAt = dataAt;
  for (const op of model.ops) for (const [name] of ARRAY_FIELDS) cardAt += align(op[name].byteLength);

  const bytes = new Uint8Array(cardAt + card.length);
  const view = new DataView(bytes.buffer);
  model.tensors.forEach((tensor, id) => {
    writeTensor(view, format.HEADER_BYTES + id * format.TENSOR_BYTES, tensor);
  });
  let arrayAt = dataAt;
  model.ops.forEach((op, index) => {
    const at = opsAt + index * format.OP_BYTES;
    writeOp(view, at, op);
    for (const [name, field] of ARRAY_FIELDS) {
      if (op[name].length === 0) continue;
      view.setUint32(at + field, arrayAt, true);
      writeArray(view, arrayAt, op[name]);
      arrayAt += align(op[name].byteLength);
    }
  });
  bytes.set(card, cardAt);
  view.setUint32(format.HEADER_MAGIC, format.MAGIC, true);
  view.setUint32(format.HEADER_VERSION, format.VERSION, true);
  view.setUint32(format.HEADER_FILE_BYTES, bytes.length, true);
  setField(view, format.HEADER_TENSORS, 2, model.tensors.length, "number of tensors");
  setField(view, format.HEADER_OPS, 2, model.ops.length, "number of ops");
  view.setUint32(format.HEADER_DATA_BYTES, cardAt - dataAt, true);
  view.setUint32(format.HEADER_CARD_BYTES, card.length, true);
  setField(view, format.HEADER_STRIDE, 2, model.stride, "stride");
  setField(view, format.HEADER_WIDTH, 2, model.width, "width");
  setField(view, format.HEADER_HEIGHT, 2, model.height, "height");
  view.setUint32(format.HEADER_CHECKSUM, crc32(bytes.subarray(format.CHECKSUM_FROM)), true);
  return bytes;
}

function writeTensor(view: DataView, at: number, tensor: Tensor): void {
  setField(view, at + format.TENSOR_CHANNELS, 2, tensor.channels, "channels");
  view.setInt16(at + format.TENSOR_ZERO, tensor.zero, true);
  view.setFloat32(at + format.TENSOR_SCALE, tensor.scale, true);
  view.setInt16(at + format.TENSOR_MIN, tensor.min, true);
  view.setInt16(at + format.TENSOR_MAX, tensor.max, true);
}

function writeOp(view: DataView, at: number, op: Op): void {
  setField(view, at + format.OP_CODE, 1, op.code, "operation code");
  setField(view, at + format.OP_INPUT_COUNT, 1, op.inputs.length, "number of inputs");
  setField(view, at + format.OP_OUTPUT, 2, op.output, "output");
  for (let slot = 0; slot < format.MAX_INPUTS; slot++) {
    setField(view, at + format.OP_INPUTS + 2 * slot, 2, op.inputs[slot] ?? format.NO_TENSOR, "input");
  }
  for (const [name, field, size] of ATTRIBUTE_FIELDS) {
    const number = op.attributes[name];
    setField(view, at + field, size, name === "value" ? number & 0xffff : number, name);
  }
}

function writeArray(view: DataView, at: number, array: Op["weights" | "bias" | "scales" | "table"]): void {
  array.forEach((value: number, index: number) => {
    if (array instanceof Int8Array) view.setInt8(at + index, value);
    else if (array instanceof Int16Array) view.setInt16(at + 2 * index, value, true);
    else if (array instanceof Int32Array) view.setInt32(at + 4 * index, value, true);
    else view.setFloat32(at + 4 * index, value, true);
  });
}

function setField(view: DataView, at: number, size: 1 | 2, value: number, name: string): void {
  const largest = size === 1 ? 0xff : 0xffff;
  if (!Number.isInteger(value) || value < 0 || value > largest) {
    throw new RangeError(`"${name}" expected an integer from 0 to ${largest}, got ${value}`);
  }
  if (size === 1) view.setUint8(at, value);
  else view.setUint16(at, value, true);
}
