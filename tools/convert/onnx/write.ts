import { PbfWriter } from "pbf";
import {
  FLOAT,
  INT8,
  INT32,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  UINT8,
} from "./read.js";

const IR_VERSION = 8;

/** The bytes of an ONNX file; `readOnnx` reads the same model back. Tensors of integers go to the int64 list. */
export function writeOnnx(model: OnnxModel): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, IR_VERSION);
  pbf.writeStringField(2, "attendseg");
  pbf.writeMessage(7, writeGraph, model);
  pbf.writeMessage(
    8,
    (version, set) => {
      set.writeStringField(1, "");
      set.writeVarintField(2, version);
    },
    model.opset,
  );
  return pbf.finish().slice();
}

function writeGraph(model: OnnxModel, pbf: PbfWriter): void {
  for (const node of model.nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, "graph");
  for (const tensor of model.initializers) pbf.writeMessage(5, writeTensor, tensor);
  for (const value of model.inputs) pbf.writeMessage(11, writeValue, value);
  for (const value of model.outputs) pbf.writeMessage(12, writeValue, value);
}

function writeNode(node: OnnxNode, pbf: PbfWriter): void {
  for (const input of node.inputs) pbf.writeStringField(1, input);
  for (const output of node.outputs) pbf.writeStringField(2, output);
  pbf.writeStringField(3, node.name);
  pbf.writeStringField(4, node.type);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    pbf.writeMessage(5, writeAttribute, { name, attribute });
  }
  if (node.domain !== "") pbf.writeStringField(7, node.domain);
}

function writeAttribute(
  { name, attribute }: { name: string; attribute: OnnxAttribute },
  pbf: PbfWriter,
): void {
  pbf.writeStringField(1, name);
  const type = (code: number): void => pbf.writeVarintField(20, code);
  if (attribute.kind === "float") {
    pbf.writeFloatField(2, attribute.value);
    type(1);
  } else if (attribute.kind === "int") {
    pbf.writeVarintField(3, attribute.value);
    type(2);
  } else if (attribute.kind === "string") {
    pbf.writeStringField(4, attribute.value);
    type(3);
  } else if (attribute.kind === "tensor") {
    pbf.writeMessage(5, writeTensor, attribute.value);
    type(4);
  } else if (attribute.kind === "floats") {
    for (const value of attribute.value) pbf.writeFloatField(7, value);
    type(6);
  } else if (attribute.kind === "ints") {
    for (const value of attribute.value) pbf.writeVarintField(8, value);
    type(7);
  } else if (attribute.kind === "strings") {
    for (const value of attribute.value) pbf.writeStringField(9, value);
    type(8);
  }
}

/** Writes the fields of a TensorProto. */
export function writeTensor(tensor: OnnxTensor, pbf: PbfWriter): void {
  for (const size of tensor.dims) pbf.writeVarintField(1, size);
  pbf.writeVarintField(2, tensor.type);
  pbf.writeStringField(8, tensor.name);
  if (tensor.raw) pbf.writeBytesField(9, tensor.raw);
  else if (tensor.numbers.length > 0) pbf.writePackedVarint(7, tensor.numbers);
  if (!tensor.external) return;
  for (const [key, value] of Object.entries(tensor.external)) {
    pbf.writeMessage(
      13,
      (entry, pair) => {
        pair.writeStringField(1, entry.key);
        pair.writeStringField(2, entry.value);
      },
      { key, value },
    );
  }
  pbf.writeVarintField(14, 1);
}

function writeValue(value: OnnxValue, pbf: PbfWriter): void {
  pbf.writeStringField(1, value.name);
  if (value.type === 0) return;
  pbf.writeMessage(2, writeType, value);
}

function writeType(value: OnnxValue, pbf: PbfWriter): void {
  pbf.writeMessage(
    1,
    (tensor, type) => {
      type.writeVarintField(1, tensor.type);
      if (tensor.dims) type.writeMessage(2, writeShape, tensor.dims);
    },
    value,
  );
}

function writeShape(dims: readonly number[], pbf: PbfWriter): void {
  dims.forEach((size, index) => {
    pbf.writeMessage(
      1,
      (_, dim) => {
        if (size > 0) dim.writeVarintField(1, size);
        else dim.writeStringField(2, `dim${index}`);
      },
      null,
    );
  });
}

/** Little-endian bytes of numbers, as a tensor of an ONNX file holds them. */
export function encode(type: number, values: ArrayLike<number>): Uint8Array {
  if (type === INT8) return new Uint8Array(Int8Array.from(values).buffer);
  if (type === UINT8) return Uint8Array.from(values);
  if (type === INT32) return new Uint8Array(Int32Array.from(values).buffer);
  if (type === FLOAT) return new Uint8Array(Float32Array.from(values).buffer);
  return new Uint8Array(BigInt64Array.from(Array.from(values), (value) => BigInt(value)).buffer);
}
