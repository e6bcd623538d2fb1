/**
 * The part of ONNX's ModelProto that the converter reads and writes, and its reader.
 * Field numbers are those of onnx.proto3; fields that are not listed are skipped.
 */
import { PbfReader } from "pbf";
import { ConvertError } from "../errors.js";

/** Element types of tensors (TensorProto.DataType). */
export const FLOAT = 1;
export const UINT8 = 2;
export const INT8 = 3;
export const UINT16 = 4;
export const INT16 = 5;
export const INT32 = 6;
export const INT64 = 7;
export const BOOL = 9;
export const FLOAT16 = 10;
export const DOUBLE = 11;
export const BFLOAT16 = 16;

/** More than any network has: a bound on what a small file can make. */
const MAX_NODES = 65_536;
const MAX_NODE_INPUTS = 1024;

/** A tensor as stored: the numbers are in `raw` (little-endian), in `numbers`, or in an external file. */
export interface OnnxTensor {
  name: string;
  dims: number[];
  type: number;
  raw?: Uint8Array;
  numbers: number[];
  /** Keys `location`, `offset`, `length` of a tensor stored in a file next to the model. */
  external?: Record<string, string>;
}

/** An attribute of a node. Kinds that no supported operation uses read as `other`. */
export type OnnxAttribute =
  | { kind: "float" | "int"; value: number }
  | { kind: "string"; value: string }
  | { kind: "floats" | "ints"; value: number[] }
  | { kind: "strings"; value: string[] }
  | { kind: "tensor"; value: OnnxTensor }
  | { kind: "other" };

export interface OnnxNode {
  name: string;
  type: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, OnnxAttribute>;
}

/** A graph input or output; a dimension that is not a fixed number is 0. `dims` is absent for an unknown shape. */
export interface OnnxValue {
  name: string;
  type: number;
  dims?: number[];
}

export interface OnnxModel {
  /** Version of the default operator set; 0 if the file names none. */
  opset: number;
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

/**
 * Reads an ONNX file. Tensors stay as stored, see `readTensor` in load.ts.
 *
 * @throws ConvertError if the bytes are not a whole, well-formed ModelProto with a graph
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  if (String.fromCharCode(...bytes.subarray(0, 4)) === "ASEG") {
    throw new ConvertError("this is an .aseg model file already, an ONNX file is expected");
  }
  const model: OnnxModel = { opset: 0, nodes: [], initializers: [], inputs: [], outputs: [] };
  let graphs = 0;
  try {
    fields(new PbfReader(bytes), bytes.length, (tag, pbf) => {
      if (tag === 7) {
        graphs++;
        message(pbf, (field) => readGraphField(field, model, pbf));
      } else if (tag === 8) {
        const set = { domain: "", version: 0 };
        message(pbf, (field) => {
          if (field === 1) set.domain = text(pbf);
          else if (field === 2) set.version = pbf.readVarint(true);
        });
        if (set.domain === "" || set.domain === "ai.onnx") model.opset = set.version;
      }
    });
  } catch (error) {
    if (error instanceof ConvertError) throw error;
    throw new ConvertError(`not a valid ONNX file: ${error instanceof Error ? error.message : error}`);
  }
  if (graphs === 0) throw new ConvertError("not a valid ONNX file: it has no graph");
  return model;
}

type ReadField = (tag: number, pbf: PbfReader) => void;

function fields(pbf: PbfReader, end: number, read: ReadField): void {
  if (!(end <= pbf.length)) throw new ConvertError("not a valid ONNX file: it ends too early");
  for (let tag = pbf.nextField(end); tag !== 0; tag = pbf.nextField(end)) {
    if (!(tag > 0)) break;
    read(tag, pbf);
    if (!(pbf.pos <= end)) break;
  }
  if (pbf.pos !== end) throw new ConvertError("not a valid ONNX file: it ends too early or is damaged");
}

function message(pbf: PbfReader, read: ReadField): void {
  const length = pbf.readVarint();
  fields(pbf, pbf.pos + length, read);
}

function blob(pbf: PbfReader): Uint8Array {
  const length = pbf.readVarint();
  if (!(pbf.pos + length <= pbf.length)) throw new ConvertError("not a valid ONNX file: it ends too early");
  const part = pbf.buf.subarray(pbf.pos, pbf.pos + length);
  pbf.pos += length;
  return part;
}

const decoder = new TextDecoder();
const text = (pbf: PbfReader): string => decoder.decode(blob(pbf));

/** Reads one element of a repeated number, or a packed run of them. */
function numbers(pbf: PbfReader, list: number[], read: (pbf: PbfReader) => number): void {
  if (pbf.type !== 2) {
    list.push(read(pbf));
    return;
  }
  const packed = new PbfReader(blob(pbf));
  while (packed.pos < packed.length) list.push(read(packed));
  if (packed.pos !== packed.length) throw new ConvertError("not a valid ONNX file: a list ends too early");
}

const integer = (pbf: PbfReader): number => pbf.readVarint(true);

function readGraphField(tag: number, model: OnnxModel, pbf: PbfReader): void {
  if (Math.max(model.nodes.length, model.initializers.length) > MAX_NODES) {
    throw new ConvertError(`the file has more than ${MAX_NODES} nodes or tensors`);
  }
  if (tag === 1) model.nodes.push(readNode(pbf));
  else if (tag === 5) model.initializers.push(readStoredTensor(pbf));
  else if (tag === 11) model.inputs.push(readValue(pbf));
  else if (tag === 12) model.outputs.push(readValue(pbf));
}

function readNode(pbf: PbfReader): OnnxNode {
  const node: OnnxNode = { name: "", type: "", domain: "", inputs: [], outputs: [], attributes: {} };
  message(pbf, (tag) => {
    if (tag === 1) node.inputs.push(text(pbf));
    else if (tag === 2) node.outputs.push(text(pbf));
    else if (tag === 3) node.name = text(pbf);
    else if (tag === 4) node.type = text(pbf);
    else if (tag === 5) readAttribute(pbf, node.attributes);
    else if (tag === 7) node.domain = text(pbf);
  });
  if (Math.max(node.inputs.length, node.outputs.length) > MAX_NODE_INPUTS) {
    throw new ConvertError(`${node.type} "${node.name}": more than ${MAX_NODE_INPUTS} inputs or outputs`);
  }
  return node;
}

function readAttribute(pbf: PbfReader, attributes: Record<string, OnnxAttribute>): void {
  let name = "";
  let type = 0;
  let float = 0;
  let int = 0;
  let string = "";
  let tensor: OnnxTensor | undefined;
  const floats: number[] = [];
  const ints: number[] = [];
  const strings: string[] = [];
  message(pbf, (tag) => {
    if (tag === 1) name = text(pbf);
    else if (tag === 2) float = pbf.readFloat();
    else if (tag === 3) int = integer(pbf);
    else if (tag === 4) string = text(pbf);
    else if (tag === 5) tensor = readStoredTensor(pbf);
    else if (tag === 7) numbers(pbf, floats, (from) => from.readFloat());
    else if (tag === 8) numbers(pbf, ints, integer);
    else if (tag === 9) strings.push(text(pbf));
    else if (tag === 20) type = pbf.readVarint();
  });
  if (type === 1) attributes[name] = { kind: "float", value: float };
  else if (type === 2) attributes[name] = { kind: "int", value: int };
  else if (type === 3) attributes[name] = { kind: "string", value: string };
  else if (type === 4 && tensor) attributes[name] = { kind: "tensor", value: tensor };
  else if (type === 6) attributes[name] = { kind: "floats", value: floats };
  else if (type === 7) attributes[name] = { kind: "ints", value: ints };
  else if (type === 8) attributes[name] = { kind: "strings", value: strings };
  else attributes[name] = { kind: "other" };
}

/** Reads the bytes of one TensorProto. */
export function readTensorProto(bytes: Uint8Array): OnnxTensor {
  return readTensorFields((read) => fields(new PbfReader(bytes), bytes.length, read));
}

function readStoredTensor(pbf: PbfReader): OnnxTensor {
  return readTensorFields((read) => message(pbf, read));
}

function readTensorFields(each: (read: ReadField) => void): OnnxTensor {
  const tensor: OnnxTensor = { name: "", dims: [], type: 0, numbers: [] };
  const external: Record<string, string> = {};
  let isExternal = false;
  each((tag, pbf) => {
    if (tag === 1) numbers(pbf, tensor.dims, integer);
    else if (tag === 2) tensor.type = pbf.readVarint();
    else if (tag === 4) numbers(pbf, tensor.numbers, (from) => from.readFloat());
    else if (tag === 5 || tag === 7 || tag === 11) numbers(pbf, tensor.numbers, integer);
    else if (tag === 8) tensor.name = text(pbf);
    else if (tag === 9) tensor.raw = blob(pbf);
    else if (tag === 10) numbers(pbf, tensor.numbers, (from) => from.readDouble());
    else if (tag === 13) {
      let key = "";
      let value = "";
      message(pbf, (field) => {
        if (field === 1) key = text(pbf);
        else if (field === 2) value = text(pbf);
      });
      external[key] = value;
    } else if (tag === 14) isExternal = pbf.readVarint() === 1;
  });
  if (isExternal) tensor.external = external;
  return tensor;
}

function readValue(pbf: PbfReader): OnnxValue {
  const value: OnnxValue = { name: "", type: 0 };
  message(pbf, (tag) => {
    if (tag === 1) value.name = text(pbf);
    else if (tag === 2) {
      message(pbf, (kind) => {
        if (kind !== 1) return;
        message(pbf, (field) => {
          if (field === 1) value.type = pbf.readVarint();
          else if (field === 2) value.dims = readShape(pbf);
        });
      });
    }
  });
  return value;
}

function readShape(pbf: PbfReader): number[] {
  const dims: number[] = [];
  message(pbf, (tag) => {
    if (tag !== 1) return;
    let size = 0;
    message(pbf, (field) => {
      if (field === 1) size = integer(pbf);
    });
    dims.push(Math.max(size, 0));
  });
  return dims;
}
