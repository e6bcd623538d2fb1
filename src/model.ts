/** Reads a `.aseg` file: the one gate through which every byte passes before a kernel sees it. */

import { crc32 } from "./checksum.js";
import { expectModel, ModelError } from "./errors.js";
import * as format from "./format.js";
import { parseMetadata } from "./metadata.js";
import { ATTRIBUTE_FIELDS, type Attributes, type Model, OPS, type Op, type Tensor } from "./ops.js";
import { validate } from "./validate.js";

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
  const metadataBytes = view.getUint32(format.HEADER_METADATA_BYTES, true);
  expectModel(opCount <= format.MAX_OPS, `header: ${opCount} ops, at most ${format.MAX_OPS}`);
  expectModel(
    metadataBytes <= format.MAX_METADATA_BYTES,
    `header: ${metadataBytes} bytes of metadata, at most ${format.MAX_METADATA_BYTES}`,
  );
  const opsAt = format.HEADER_BYTES + tensorCount * format.TENSOR_BYTES;
  const dataAt = opsAt + opCount * format.OP_BYTES;
  const metadataAt = dataAt + dataBytes;
  expectModel(
    dataBytes % format.ALIGNMENT === 0 && metadataAt + metadataBytes === bytes.length,
    "header: sections do not fill the file",
  );
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
  expectOwnArrays(ops, dataBytes);
  const model: Model = {
    tensors,
    ops,
    metadata: parseMetadata(bytes.subarray(metadataAt)),
    stride: view.getUint16(format.HEADER_STRIDE, true),
    width: view.getUint16(format.HEADER_WIDTH, true),
    height: view.getUint16(format.HEADER_HEIGHT, true),
  };
  validate(model);
  return model;
}

/** Operations that share arrays would let a small file ask for any amount of packed weights. */
function expectOwnArrays(ops: readonly Op[], dataBytes: number): void {
  let bytes = 0;
  for (const { weights, bias, scales, table } of ops) {
    bytes += weights.byteLength + bias.byteLength + scales.byteLength + table.byteLength;
  }
  expectModel(bytes <= dataBytes, `header: ${dataBytes} bytes of data for arrays of ${bytes}`);
}

function openFile(bytes: Uint8Array): DataView {
  const start = String.fromCharCode(...bytes.subarray(0, 64)).trimStart();
  expectModel(bytes.length > 0, "the file is empty");
  expectModel(!/^<(!doctype|html|\?xml)/i.test(start), "a web page, not a model: check its address");
  expectModel(start.startsWith("ASEG"), 'not a model file: it does not begin with "ASEG"');
  expectModel(
    bytes.length >= format.HEADER_BYTES,
    `the file ends in the header, after ${bytes.length} bytes`,
  );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(format.HEADER_VERSION, true);
  expectModel(version === format.VERSION, `format version ${version}, expected ${format.VERSION}`);
  const size = view.getUint32(format.HEADER_FILE_BYTES, true);
  expectModel(size === bytes.length, `the header promises ${size} bytes, the file has ${bytes.length}`);
  const checksum = view.getUint32(format.HEADER_CHECKSUM, true);
  expectModel(
    checksum === crc32(bytes.subarray(format.CHECKSUM_FROM)),
    "the checksum differs: the file is damaged",
  );
  return view;
}

/** A copy of part of the file, so that its typed arrays are aligned wherever the file lies in its buffer. */
function alignedCopy(bytes: Uint8Array, start: number, length: number): ArrayBuffer {
  return new Uint8Array(bytes.subarray(start, start + length)).buffer;
}

function expectZeros(view: DataView, first: number, end: number, where: string): void {
  for (let at = first; at < end; at++) {
    expectModel(view.getUint8(at) === 0, `${where}: a reserved byte is not zero`);
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
  const count = view.getUint8(at + format.OP_INPUT_COUNT);
  expectModel(count >= kind.arity[0] && count <= kind.arity[1], `${where}: ${count} inputs`);
  const inputs: number[] = [];
  for (let slot = 0; slot < format.MAX_INPUTS; slot++) {
    const id = view.getUint16(at + format.OP_INPUTS + 2 * slot, true);
    expectModel(
      slot < count ? id < tensors.length : id === format.NO_TENSOR,
      `${where}: input ${slot} is tensor ${id}`,
    );
    if (slot < count) inputs.push(id);
  }
  const output = view.getUint16(at + format.OP_OUTPUT, true);
  expectModel(output < tensors.length, `${where}: the output is tensor ${output}`);
  const attributes = readAttributes(view, at);

  const inChannels = count > 0 ? tensors[inputs[0]!]!.channels : 0;
  const { groups } = attributes;
  if (code === format.CONVOLUTION) {
    expectModel(inChannels % groups === 0, `${where}: ${inChannels} channels in ${groups} groups`);
  }
  /** Where an array begins in the data section. */
  const startOf = (field: number, length: number, bytesEach: number): number => {
    const offset = view.getUint32(at + field, true);
    const start = length === 0 ? 0 : offset - dataAt;
    const inside =
      start >= 0 && start % format.ALIGNMENT === 0 && start + length * bytesEach <= data.byteLength;
    expectModel(length === 0 ? offset === 0 : inside, `${where}: an array lies at ${offset}`);
    return start;
  };
  const channels = kind.taps ? tensors[output]!.channels : 0;
  const weights = channels * (kind.taps?.(attributes, inChannels) ?? 0);
  const isActivated = kind.taps !== undefined && view.getUint32(at + format.OP_TABLE, true) > 0;
  const scales = { none: 0, one: 1, channels: tensors[output]!.channels }[kind.scales] + Number(isActivated);
  const entries = isActivated ? format.ACTIVATION_ENTRIES : kind.entryBytes && 256;
  const table = startOf(format.OP_TABLE, entries, kind.entryBytes || 1);
  return {
    code,
    inputs,
    output,
    attributes,
    weights: new Int8Array(data, startOf(format.OP_WEIGHTS, weights, 1), weights),
    bias: new Int32Array(data, startOf(format.OP_BIAS, channels, 4), channels),
    scales: new Float32Array(data, startOf(format.OP_SCALES, scales, 4), scales),
    table: kind.entryBytes === 2 ? new Int16Array(data, table, entries) : new Int8Array(data, table, entries),
  };
}

/** The numbers of the record at an address. */
function readAttributes(view: DataView, at: number): Attributes {
  const read = (name: string, offset: number, bytes: 1 | 2): number => {
    if (name === "value") return view.getInt16(at + offset, true);
    return bytes === 1 ? view.getUint8(at + offset) : view.getUint16(at + offset, true);
  };
  const entries = ATTRIBUTE_FIELDS.map(([name, offset, bytes]) => [name, read(name, offset, bytes)]);
  return Object.fromEntries(entries) as Attributes;
}
