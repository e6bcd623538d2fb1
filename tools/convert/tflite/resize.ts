/** Resizes of TFLite as those of ONNX. */
import type { Lower } from "./parts.js";
import type { TfliteOperator } from "./read.js";
import type { Attributes, Writer } from "./writer.js";

function positions(isAligned: boolean, isHalf: boolean): string {
  return isAligned ? "align_corners" : isHalf ? "half_pixel" : "asymmetric";
}

/** By whole factors where they are whole, so that the network keeps working at other sizes. */
function resize(writer: Writer, operator: TfliteOperator, attributes: Attributes, isKeeping: boolean): void {
  const [input, output] = [operator.inputs[0], operator.outputs[0]];
  const { name } = writer.tensor(output);
  const [from, to] = [writer.shape(input), writer.shape(output)];
  const scales = to.map((size, axis) => size / from[axis]!);
  const isWhole = scales.every((scale) => Number.isInteger(scale)) && from[2]! * from[3]! > 1;
  const sizing = isWhole
    ? [writer.floats(`${name}#scales`, [4], scales)]
    : ["", writer.integers(`${name}#sizes`, to)];
  writer.output(operator, "Resize", [writer.activation(input), "", ...sizing], attributes, { isKeeping });
}

export const resizeBilinear: Lower = (writer, operator) => {
  const { options } = operator;
  const mode = positions(options?.isSet(2) ?? false, options?.isSet(3) ?? false);
  resize(writer, operator, { mode: "linear", coordinate_transformation_mode: mode }, false);
};

/** Rounds down, or half up where corners are aligned; TFLite's half-pixel centres have no counterpart to -0.5. */
export const resizeNearest: Lower = (writer, operator) => {
  const [isAligned, isHalf] = [operator.options?.isSet(0) ?? false, operator.options?.isSet(1) ?? false];
  const mode = positions(isAligned, isHalf);
  const nearest = isAligned || isHalf ? "round_prefer_ceil" : "floor";
  const attributes = { mode: "nearest", coordinate_transformation_mode: mode, nearest_mode: nearest };
  resize(writer, operator, attributes, true);
};
