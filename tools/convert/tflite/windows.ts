/** TFLite operations with a window: convolutions and pooling. */
import { ConvertError } from "../errors.js";
import type { TfliteOperator } from "./read.js";
import type { Attributes, Writer } from "./writer.js";

const SAME = 0;
const VALID = 1;

/** Two numbers: of the rows, of the columns. */
type Pair = readonly [number, number];

/** From [out, height, width, in] to [out, in, height, width], and to [in, out, height, width]. */
const OUT_FIRST = [0, 3, 1, 2] as const;
const IN_FIRST = [3, 0, 1, 2] as const;

/** Padding of two axes, as ONNX lists it: top, left, bottom, right. */
function padsOf(
  padding: number,
  larger: Pair,
  smaller: Pair,
  kernel: Pair,
  strides: Pair,
  dilations: Pair,
): number[] {
  if (padding === VALID) return [0, 0, 0, 0];
  const totals = [0, 1].map((axis) => {
    const span = dilations[axis]! * (kernel[axis]! - 1) + 1;
    return Math.max(0, (smaller[axis]! - 1) * strides[axis]! + span - larger[axis]!);
  });
  const before = totals.map((total) => Math.floor(total / 2));
  return [...before, ...totals.map((total, axis) => total - before[axis]!)];
}

function sizeOf(shape: readonly number[]): Pair {
  return [shape[2]!, shape[3]!];
}

/** Conv2DOptions: padding, stride_w, stride_h, fused_activation_function, dilation_w_factor, dilation_h_factor. */
export function convolution(writer: Writer, operator: TfliteOperator): void {
  const { options } = operator;
  const dilations: Pair = [options?.int32(5, 1) ?? 1, options?.int32(4, 1) ?? 1];
  const [input, weights] = [writer.shape(operator.inputs[0]), writer.tensor(operator.inputs[1]).shape];
  const group = Math.floor(input[1]! / (weights[3] ?? 1));
  windowed(writer, operator, OUT_FIRST, group, dilations, options?.int8(3) ?? 0);
}

/** DepthwiseConv2DOptions: the same with depth_multiplier in the fourth place. Weights are [1, height, width, out]. */
export function depthwise(writer: Writer, operator: TfliteOperator): void {
  const { options } = operator;
  const dilations: Pair = [options?.int32(6, 1) ?? 1, options?.int32(5, 1) ?? 1];
  const group = writer.shape(operator.inputs[0])[1]!;
  windowed(writer, operator, [3, 0, 1, 2], group, dilations, options?.int8(4) ?? 0);
}

function windowed(
  writer: Writer,
  operator: TfliteOperator,
  order: readonly number[],
  group: number,
  dilations: Pair,
  fused: number,
): void {
  const [input, weights, bias] = operator.inputs;
  const { options } = operator;
  const { shape } = writer.tensor(weights);
  const kernel: Pair = [shape[1] ?? 1, shape[2] ?? 1];
  const strides: Pair = [options?.int32(2) ?? 1, options?.int32(1) ?? 1];
  const [larger, smaller] = [sizeOf(writer.shape(input)), sizeOf(writer.shape(operator.outputs[0]))];
  const pads = padsOf(options?.int8(0) ?? SAME, larger, smaller, kernel, strides, dilations);
  const inputs = [writer.activation(input), writer.weights(operator, weights, order)];
  if (bias !== undefined && bias >= 0) inputs.push(writer.weights(operator, bias, [0]));
  writer.output(operator, "Conv", inputs, { strides, dilations, pads, group }, { fused });
}

/** Fully connected on [1, channels], which is a 1x1 convolution. FullyConnectedOptions: fused, weights_format. */
export function fullyConnected(writer: Writer, operator: TfliteOperator): void {
  const [input, weights, bias] = operator.inputs;
  const shape = writer.shape(input);
  const matrix = writer.tensor(weights).shape;
  if (shape.length !== 4 || matrix[1] !== shape[1] || (operator.options?.int8(1) ?? 0) !== 0) {
    throw new ConvertError(
      `${writer.describe(operator)}: weights [${matrix}] on [${writer.tensor(input).shape}]; only weights ` +
        "[out, channels] on [1, channels] or [1, height, width, channels] are supported",
    );
  }
  const inputs = [writer.activation(input), writer.pointWeights(operator, weights)];
  if (bias !== undefined && bias >= 0) inputs.push(writer.weights(operator, bias, [0]));
  writer.output(operator, "Conv", inputs, {}, { fused: operator.options?.int8(0) ?? 0 });
}

/** TransposeConvOptions: padding, stride_w, stride_h, fused. Inputs: output shape, weights, input, bias. */
export function transposeConvolution(writer: Writer, operator: TfliteOperator): void {
  const { inputs, options } = operator;
  const strides: Pair = [options?.int32(2) ?? 1, options?.int32(1) ?? 1];
  const parts = [inputs[2], inputs[1], inputs[3]] as const;
  transposed(writer, operator, parts, options?.int8(0) ?? SAME, strides, options?.int8(3) ?? 0);
}

/**
 * MediaPipe's custom operation. Inputs: input, weights, bias; its options are three int32: padding (1 same,
 * 2 valid), stride of columns, stride of rows.
 */
export function transposeConvolutionBias(writer: Writer, operator: TfliteOperator): void {
  const { inputs, customOptions } = operator;
  const view = new DataView(customOptions.buffer, customOptions.byteOffset, customOptions.byteLength);
  if (view.byteLength < 12) throw new ConvertError(`${writer.describe(operator)}: its options are damaged`);
  const strides: Pair = [view.getInt32(8, true), view.getInt32(4, true)];
  transposed(writer, operator, [inputs[0], inputs[1], inputs[2]], view.getInt32(0, true) - 1, strides, 0);
}

function transposed(
  writer: Writer,
  operator: TfliteOperator,
  [input, weights, bias]: readonly [number | undefined, number | undefined, number | undefined],
  padding: number,
  strides: Pair,
  fused: number,
): void {
  const { shape } = writer.tensor(weights);
  const kernel: Pair = [shape[1] ?? 1, shape[2] ?? 1];
  const [smaller, larger] = [sizeOf(writer.shape(input)), sizeOf(writer.shape(operator.outputs[0]))];
  const pads = padsOf(padding, larger, smaller, kernel, strides, [1, 1]);
  const excess = [0, 1].map((axis) => {
    const reached = (smaller[axis]! - 1) * strides[axis]! + kernel[axis]! - pads[axis]! - pads[axis + 2]!;
    return larger[axis]! - reached;
  });
  if (!excess.every((rest, axis) => rest >= 0 && rest < Math.max(1, strides[axis]!))) {
    throw new ConvertError(
      `${writer.describe(operator)}: its output size does not fit its input size and stride`,
    );
  }
  const inputs = [writer.activation(input), writer.weights(operator, weights, IN_FIRST)];
  if (bias !== undefined && bias >= 0) inputs.push(writer.weights(operator, bias, [0]));
  const attributes: Attributes = { strides, pads, output_padding: excess };
  writer.output(operator, "ConvTranspose", inputs, attributes, { fused });
}

/** Pool2DOptions: padding, stride_w, stride_h, filter_width, filter_height, fused. */
export function pool(type: "AveragePool" | "MaxPool") {
  return (writer: Writer, operator: TfliteOperator): void => {
    const { options, inputs } = operator;
    const kernel: Pair = [options?.int32(4) ?? 1, options?.int32(3) ?? 1];
    const strides: Pair = [options?.int32(2) ?? 1, options?.int32(1) ?? 1];
    const [larger, smaller] = [sizeOf(writer.shape(inputs[0])), sizeOf(writer.shape(operator.outputs[0]))];
    const pads = padsOf(options?.int8(0) ?? SAME, larger, smaller, kernel, strides, [1, 1]);
    const attributes = { kernel_shape: kernel, strides, pads };
    const how = { fused: options?.int8(5) ?? 0, isKeeping: type === "MaxPool" };
    writer.output(operator, type, [writer.activation(inputs[0])], attributes, how);
  };
}
