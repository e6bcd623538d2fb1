/** From a TFLite file to the ONNX graph of the same numbers, which the rest of the converter goes on with. */
import { ConvertError } from "../errors.js";
import { FLOAT as ONNX_FLOAT, type OnnxModel } from "../onnx/read.js";
import { OPERATORS } from "./operators.js";
import { FLOAT32, INT8, readTflite, type TfliteModel, type TfliteOperator, typeName, UINT8 } from "./read.js";
import { Writer } from "./writer.js";

/** Operator set of the nodes written. */
const OPSET = 17;

/** A TFLite file as an ONNX graph. */
export interface Lowered {
  readonly model: OnnxModel;
  /** Whether the file's input is uint8 or int8, whose numbers say by themselves how the image is fed. */
  readonly isInputQuantized: boolean;
  /** What was left out. */
  readonly notes: readonly string[];
}

/**
 * Lowers a TFLite file to ONNX nodes of [1, channels, height, width] with float32 in and out. The image comes in
 * as 0..1, or as the file's own float32.
 *
 * @param requested name of the output to keep; the first by default
 * @throws ConvertError if the file is damaged or holds what is not supported; the message names the operations
 */
export function lowerTflite(bytes: Uint8Array, requested?: string): Lowered {
  const file = readTflite(bytes);
  const output = chooseOutput(file, requested);
  const notes: string[] = [];
  const trimmed = trim(file, output, notes);
  const operators = needed(file, trimmed);
  refuseUnsupported(operators);
  const writer = new Writer(file);
  const input = writeInput(writer);
  for (const operator of operators) OPERATORS[operator.type]!(writer, operator);
  const value = (name: string, dims?: readonly number[]) => ({
    name,
    type: ONNX_FLOAT,
    ...(dims && { dims: [...dims] }),
  });
  return {
    model: {
      opset: OPSET,
      nodes: writer.nodes,
      initializers: writer.initializers,
      inputs: [value(input, writer.shape(file.inputs[0]))],
      outputs: [{ name: writer.activation(trimmed), type: 0 }],
    },
    isInputQuantized: file.tensors[file.inputs[0]!]!.type !== FLOAT32,
    notes,
  };
}

function chooseOutput({ outputs, tensors }: TfliteModel, requested: string | undefined): number {
  const index = outputs.find((output) => requested === undefined || tensors[output]?.name === requested);
  if (index === undefined || !tensors[index]) {
    const names = outputs.map((output) => tensors[output]?.name ?? "").join(", ");
    throw new ConvertError(`there is no output "${requested ?? ""}"; the file has: ${names || "none"}`);
  }
  return index;
}

/** The tensor before what only gives the scores of an output another form. */
function trim({ tensors, operators }: TfliteModel, output: number, notes: string[]): number {
  const producer = new Map(
    operators.flatMap((operator) => operator.outputs.map((index) => [index, operator])),
  );
  const before = (index: number | undefined): TfliteOperator | undefined => producer.get(index ?? -1);
  let index = output;
  for (let operator = before(index); operator?.type === "RESHAPE"; operator = before(index)) {
    const input = tensors[operator.inputs[0] ?? -1];
    if (input?.shape.length !== 4) break;
    index = operator.inputs[0]!;
  }
  const slice = before(index);
  const softmax = before(slice?.inputs[0]);
  if (!slice || (slice.type !== "STRIDED_SLICE" && slice.type !== "SLICE") || softmax?.type !== "SOFTMAX")
    return index;
  const [all, one] = [tensors[softmax.inputs[0] ?? -1]?.shape, tensors[index]?.shape];
  if (all?.at(-1) !== 2 || one?.length !== 4 || one[3] !== 1 || one[1] !== all[1] || one[2] !== all[2])
    return index;
  notes.push(`output "${tensors[output]!.name}" is the probability of one of two classes: both are kept`);
  return softmax.inputs[0]!;
}

/** The operations that an output is made by, in the order of the file. */
function needed({ operators }: TfliteModel, output: number): TfliteOperator[] {
  const tensors = new Set([output]);
  const result: TfliteOperator[] = [];
  for (const operator of [...operators].reverse()) {
    if (!operator.outputs.some((index) => tensors.has(index))) continue;
    for (const index of operator.inputs) tensors.add(index);
    result.unshift(operator);
  }
  return result;
}

function refuseUnsupported(operators: readonly TfliteOperator[]): void {
  const counts = new Map<string, number>();
  for (const { type } of operators)
    if (!Object.hasOwn(OPERATORS, type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  if (counts.size === 0) return;
  const list = [...counts].map(([type, count]) => (count === 1 ? type : `${type} (${count})`)).join(", ");
  const supported = Object.keys(OPERATORS).sort().join(", ");
  throw new ConvertError(`not supported: ${list}; supported are ${supported}`);
}

/** The input image; where the file takes uint8 or int8, what turns 0..1 into the real numbers of those. */
function writeInput(writer: Writer): string {
  const { inputs } = writer.model;
  if (inputs.length !== 1) throw new ConvertError(`expected one input, the file has ${inputs.length}`);
  const index = inputs[0]!;
  const { name, type, shape, quantization } = writer.tensor(index);
  const isImage = shape.length === 4 && shape[0] === 1 && shape[3] === 3;
  if (!isImage) throw new ConvertError(`input "${name}": expected [1, height, width, 3], got [${shape}]`);
  if (type !== FLOAT32 && type !== UINT8 && type !== INT8) {
    throw new ConvertError(
      `input "${name}": ${typeName(type)} is not supported, only float32, uint8 and int8`,
    );
  }
  if (type === FLOAT32) {
    const input = writer.fresh(name);
    writer.setWritten(index, input);
    return input;
  }
  const { scales, zeros } = quantization ?? { scales: [1], zeros: [0] };
  const first = type === INT8 ? -128 : 0;
  const [image, scaled, real] = [writer.fresh("image"), writer.fresh(`${name}#scaled`), writer.fresh(name)];
  const factor = writer.floats(`${name}#factor`, [], [255 * scales[0]!]);
  const offset = writer.floats(`${name}#offset`, [], [scales[0]! * (first - zeros[0]!)]);
  writer.add("Mul", [image, factor], scaled);
  writer.add("Add", [scaled, offset], real);
  writer.setWritten(index, writer.quantized(index, real));
  return image;
}
