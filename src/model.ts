/**
 * A model as read from a `.aseg` file: the one gate through which every byte passes before a kernel sees it.
 */
import { type Card, parseCard } from "./card.js";
import { crc32 } from "./checksum.js";
import { ModelError } from "./errors.js";
import * as format from "./format.js";
import { ATTRIBUTES, type Attributes, OPS, type Op, type Tensor } from "./ops.js";
import { validate } from "./validate.js";

/** A parsed and validated model. Arrays are views of the bytes it was parsed from. */
export interface Model {
  readonly tensors: readonly Tensor[];
  /** In order of execution; the first is `input`, the last `argmax`. */
  readonly ops: readonly Op[];
  readonly card: Card;
  /** Input width and height must be multiples of this. */
  readonly stride: number;
  /** Default input size in pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * Parses and validates a model file.
 *
 * @param bytes the whole file
 * @throws ModelError that names the damaged or unsupported part
 */
export function parseModel(bytes: Uint8Array): Model {
  const view = openFile(bytes);
  const tensorCount = view.getUint16(format.HEADER_TENSORS, true);
  const opCount = view.getUint16(format.HEADER_OPS, true);
  const dataBytes = view.getUint32(format.HEADER_DATA_BYTES, true);
  const cardBytes = view.getUint32(format.HEADER_CARD_BYTES, true);
  const opsAt = format.HEADER_BYTES + tensorCount * format.TENSOR_BYTES;
  const dataAt = opsAt + opCount * format.OP_BYTES;
  const cardAt = dataAt + dataBytes;
  if (dataBytes % format.ALIGNMENT !== 0 || cardAt + cardBytes !== bytes.length) {
    throw new ModelError(
      `header: ${tensorCount} tensors, ${opCount} ops, ${dataBytes} data bytes and ${cardBytes} card bytes ` +
        `do not add up to the file's ${bytes.length} bytes`,
    );
  }
  expectZeros(view, format.HEADER_RESERVED, format.HEADER_BYTES, "header");

  const tensors: Tensor[] = [];
  for (let id = 0; id < tensorCount; id++) {
    tensors.push(readTensor(view, format.HEADER_BYTES + id * format.TENSOR_BYTES, id));
  }
  const data = alignedCopy(bytes, dataAt, dataBytes);
  const ops: Op[] = [];
  for (let index = 0; index < opCount; index++) {
    ops.push(readOp(view, opsAt + index * format.OP_BYTES, index, tensors, data, dataAt));
  }
  const model: Model = {
    tensors,
    ops,
    card: parseCard(bytes.subarray(cardAt)),
    stride: view.getUint16(format.HEADER_STRIDE, true),
    width: view.getUint16(format.HEADER_WIDTH, true),
    height: view.getUint16(format.HEADER_HEIGHT, true),
  };
  validate(model);
  return model;
}

function openFile(bytes: Uint8Array): DataView {
  if (bytes.length === 0) throw new ModelError("the file is empty");
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 64)).trimStart().toLowerCase();
  if (start.startsWith("<!doctype") || start.startsWith("<html") || start.startsWith("<?xml")) {
    throw new ModelError("this is an HTML page, not a model: check the address it was loaded from");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint32(format.HEADER_MAGIC, true) !== format.MAGIC) {
    throw new ModelError('this is not a model file: it does not begin with "ASEG"');
  }
  if (bytes.length < format.HEADER_BYTES) {
    throw new ModelError(`the file ends inside the header, after ${bytes.length} bytes`);
  }
  const version = view.getUint32(format.HEADER_VERSION, true);
  if (version !== format.VERSION) {
    throw new ModelError(`format version ${version} is not supported; this reads version ${format.VERSION}`);
  }
  const size = view.getUint32(format.HEADER_FILE_BYTES, true);
  if (size !== bytes.length) {
    throw new ModelError(`the header promises ${size} bytes, the file has ${bytes.length}`);
  }
  if (view.getUint32(format.HEADER_CHECKSUM, true) !== crc32(bytes.subarray(format.CHECKSUM_FROM))) {
    throw new ModelError("the checksum does not match: the file is damaged");
  }
  return view;
}

/** A copy of part of the file, so that its typed arrays are aligned wherever the file lies in its buffer. */
function alignedCopy(bytes: Uint8Array, start: number, length: number): ArrayBuffer {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(start, start + length));
  return copy.buffer;
}

function expectZeros(view: DataView, first: number, end: number, where: string): void {
  for (let at = first; at < end; at++) {
    if (view.getUint8(at) !== 0) throw new ModelError(`${where}: a reserved byte is not zero`);
  }
}

function readTensor(view: DataView, at: number, id: number): Tensor {
  expectZeros(view, at + format.TENSOR_RESERVED, at + format.TENSOR_BYTES, `tensor ${id}`);
  return {
    channels: view.getUint16(at + format.TENSOR_CHANNELS, true),
    zero: view.getInt16(at + format.TENSOR_ZERO, true),
    scale: view.getFloat32(at + format.TENSOR_SCALE, true),
    min: view.getInt16(at + format.TENSOR_MIN, true),
    max: view.getInt16(at + format.TENSOR_MAX, true),
  };
}

function readOp(
  view: DataView,
  at: number,
  index: number,
  tensors: readonly Tensor[],
  data: ArrayBuffer,
  dataAt: number,
): Op {
  const code = view.getUint8(at + format.OP_CODE);
  const kind = OPS.get(code);
  if (!kind) throw new ModelError(`op ${index}: unknown operation code ${code}`);
  const where = `op ${index} (${kind.name})`;
  expectZeros(view, at + format.OP_RESERVED, at + format.OP_BYTES, where);
  const inputs = readInputs(view, at, where, tensors.length);
  if (inputs.length < kind.arity[0] || inputs.length > kind.arity[1]) {
    throw new ModelError(`${where}: ${inputs.length} inputs`);
  }
  const output = view.getUint16(at + format.OP_OUTPUT, true);
  if (output >= tensors.length) throw new ModelError(`${where}: there is no tensor ${output}`);
  const attributes = readAttributes(view, at);

  const inChannels = inputs.length > 0 ? tensors[inputs[0]!]!.channels : 0;
  if (
    kind.attributes.includes("groups") &&
    (attributes.groups === 0 || inChannels % attributes.groups !== 0)
  ) {
    throw new ModelError(`${where}: ${inChannels} channels do not divide into ${attributes.groups} groups`);
  }
  const lengths = kind.lengths(attributes, inChannels, tensors[output]!.channels);
  const slice = (field: number, name: string, count: number, bytesEach: number): number => {
    const offset = view.getUint32(at + field, true);
    if (count === 0 ? offset !== 0 : offset % format.ALIGNMENT !== 0 || offset < dataAt) {
      throw new ModelError(`${where}: ${name} offset ${offset} is not valid`);
    }
    if (count > 0 && offset - dataAt + count * bytesEach > data.byteLength) {
      throw new ModelError(`${where}: ${name} end beyond the data section`);
    }
    return count === 0 ? 0 : offset - dataAt;
  };
  const tableAt = slice(format.OP_TABLE, "table", lengths.table, code === format.GATE ? 2 : 1);
  return {
    code,
    inputs,
    output,
    attributes,
    weights: new Int8Array(data, slice(format.OP_WEIGHTS, "weights", lengths.weights, 1), lengths.weights),
    bias: new Int32Array(data, slice(format.OP_BIAS, "bias", lengths.bias, 4), lengths.bias),
    scales: new Float32Array(data, slice(format.OP_SCALES, "scales", lengths.scales, 4), lengths.scales),
    table:
      code === format.GATE
        ? new Int16Array(data, tableAt, lengths.table)
        : new Int8Array(data, tableAt, lengths.table),
  };
}

function readInputs(view: DataView, at: number, where: string, tensorCount: number): number[] {
  const count = view.getUint8(at + format.OP_INPUT_COUNT);
  const inputs: number[] = [];
  for (let slot = 0; slot < format.MAX_INPUTS; slot++) {
    const id = view.getUint16(at + format.OP_INPUTS + 2 * slot, true);
    if (slot < count ? id >= tensorCount : id !== format.NO_TENSOR) {
      throw new ModelError(`${where}: input ${slot} names tensor ${id}`);
    }
    if (slot < count) inputs.push(id);
  }
  if (count > format.MAX_INPUTS) throw new ModelError(`${where}: ${count} inputs`);
  return inputs;
}

/** The first ten attributes are bytes, the others 16-bit words, of which the last, `value`, has a sign. */
function readAttributes(view: DataView, at: number): Attributes {
  const read = (index: number): number => {
    if (index < 10) return view.getUint8(at + format.OP_KERNEL_HEIGHT + index);
    const field = at + format.OP_GROUPS + 2 * (index - 10);
    return index < ATTRIBUTES.length - 1 ? view.getUint16(field, true) : view.getInt16(field, true);
  };
  return Object.fromEntries(ATTRIBUTES.map((name, index) => [name, read(index)])) as Attributes;
}
