/** What the lowering of many TFLite operations shares. */
import { ConvertError } from "../errors.js";
import { realNumbers, type Stored, transposed } from "./constants.js";
import { FLOAT32, type TfliteOperator } from "./read.js";
import type { Attributes, Writer } from "./writer.js";

/** Writes the ONNX nodes of one operation. */
export type Lower = (writer: Writer, operator: TfliteOperator) => void;

/** @throws ConvertError that names the operation and why it cannot be lowered */
export function refuse(writer: Writer, operator: TfliteOperator, reason: string): never {
  throw new ConvertError(`${writer.describe(operator)}: ${reason}`);
}

/** An operation of one input under another name. */
export function unary(type: string, attributes: Attributes = {}): Lower {
  return (writer, operator) => {
    writer.output(operator, type, [writer.activation(operator.inputs[0])], attributes);
  };
}

/** Clamps to fixed bounds. */
export function clip(min: number, max: number): Lower {
  return (writer, operator) => {
    const { name } = writer.tensor(operator.outputs[0]);
    const bounds = [writer.floats(`${name}#min`, [], [min]), writer.floats(`${name}#max`, [], [max])];
    writer.output(operator, "Clip", [writer.activation(operator.inputs[0]), ...bounds]);
  };
}

/** An operand of an element-wise operation: an activation, or a constant with its axes in ONNX's order. */
export function operand(writer: Writer, operator: TfliteOperator, index: number | undefined): string {
  const stored = writer.constant(index);
  if (!stored) return writer.activation(index);
  const { name } = writer.tensor(index);
  const numbers = realNumbers(stored);
  if (numbers.length === 1) return writer.floats(name, [], numbers);
  if (stored.shape.length > 4) refuse(writer, operator, `"${name}" has more than four axes`);
  const wide: Stored = {
    shape: [...new Array<number>(4 - stored.shape.length).fill(1), ...stored.shape],
    type: FLOAT32,
    values: numbers,
  };
  const { shape, values } = transposed(wide, [0, 3, 1, 2]);
  return writer.floats(name, shape, values);
}

/** An element-wise operation of two inputs. */
export function binary(type: string, isFusing = true): Lower {
  return (writer, operator) => {
    const inputs = operator.inputs.map((index) => operand(writer, operator, index));
    writer.output(operator, type, inputs, {}, { fused: isFusing ? (operator.options?.int8(0) ?? 0) : 0 });
  };
}

/** The integers of a constant input. */
export function integersOf(writer: Writer, operator: TfliteOperator, slot: number): number[] {
  const stored = writer.constant(operator.inputs[slot]);
  if (!stored) refuse(writer, operator, `input ${slot} must be a constant`);
  return Array.from(stored.values);
}

/** Axes of a constant input or option, counted from the front, in the order of the file. */
export function axesFrom(rank: number, axes: readonly number[]): number[] {
  return axes.map((axis) => (axis + rank) % rank);
}
