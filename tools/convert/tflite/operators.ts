/** TFLite operations as ONNX nodes. */
import { realNumbers, sizeOf } from "./constants.js";
import { axesFrom, binary, clip, integersOf, type Lower, operand, refuse, unary } from "./parts.js";
import { FLOAT16, FLOAT32, INT32, INT64, UINT8 } from "./read.js";
import { resizeBilinear, resizeNearest } from "./resize.js";
import {
  convolution,
  depthwise,
  fullyConnected,
  pool,
  transposeConvolution,
  transposeConvolutionBias,
} from "./windows.js";
import { AXES } from "./writer.js";

/** ONNX element types that a CAST may go to. */
const CAST_TYPES: Readonly<Record<number, number>> = {
  [FLOAT32]: 1,
  [FLOAT16]: 1,
  [UINT8]: 2,
  [INT32]: 6,
  [INT64]: 7,
};

/** Bits of the masks of STRIDED_SLICE that take in all of an axis. */
const hasBit = (mask: number, axis: number): boolean => ((mask >> axis) & 1) === 1;

/** RESHAPE, SQUEEZE and EXPAND_DIMS, where they only add or drop axes of size 1. */
const reshape: Lower = (writer, operator) => {
  const [from, to] = [operator.inputs[0]!, operator.outputs[0]!];
  const stored = writer.constant(from);
  const { shape } = writer.tensor(to);
  if (stored && sizeOf(stored.shape) === sizeOf(shape)) writer.setConstant(to, { ...stored, shape });
  else if (writer.shape(from).join() !== writer.shape(to).join()) {
    const sizes = `[${writer.tensor(from).shape}] to [${shape}]`;
    refuse(writer, operator, `${sizes} is not supported; only axes of size 1 may be added or dropped`);
  } else writer.setWritten(to, writer.activation(from));
};

const concat: Lower = (writer, operator) => {
  const { options, inputs, outputs } = operator;
  const rank = writer.tensor(outputs[0]).shape.length;
  const [axis] = axesFrom(rank, [options?.int32(0) ?? 0]);
  const attributes = { axis: rank === 2 ? AXES[axis! + 2]! : AXES[axis!]! };
  writer.output(
    operator,
    "Concat",
    inputs.map((index) => writer.activation(index)),
    attributes,
    {
      fused: options?.int8(1) ?? 0,
    },
  );
};

/** Paddings [axis][before, after]; PADV2 gives the value as its third input. */
const pad: Lower = (writer, operator) => {
  const [input, , value] = operator.inputs;
  const { name } = writer.tensor(operator.outputs[0]);
  const mode = operator.type === "MIRROR_PAD" ? (operator.options?.int8(0) ?? 0) : undefined;
  if (mode === 1) refuse(writer, operator, "symmetric padding is not supported, only reflecting one");
  const list = integersOf(writer, operator, 1);
  if (list.length !== 8) refuse(writer, operator, "only tensors of four axes can be padded");
  const [before, after] = [new Array<number>(4), new Array<number>(4)];
  AXES.forEach((axis, i) => {
    before[axis] = list[2 * i]!;
    after[axis] = list[2 * i + 1]!;
  });
  const inputs = [writer.activation(input), writer.integers(`${name}#pads`, [...before, ...after])];
  if (value !== undefined) inputs.push(operand(writer, operator, value));
  writer.output(operator, "Pad", inputs, mode === 0 ? { mode: "reflect" } : {}, { isKeeping: true });
};

/** ReducerOptions: keep_dims. A mean over space is the global one. */
function reduce(type: string): Lower {
  return (writer, operator) => {
    const [input, output] = [operator.inputs[0], operator.outputs[0]];
    const { shape } = writer.tensor(input);
    if (shape.length !== 4) refuse(writer, operator, `expected [1, height, width, channels], got [${shape}]`);
    const axes = axesFrom(4, integersOf(writer, operator, 1)).sort();
    const inputs = [writer.activation(input)];
    if (type === "ReduceMean" && axes.join() === "1,2") {
      writer.output(operator, "GlobalAveragePool", inputs);
      return;
    }
    if (
      writer.shape(output).length !== 4 ||
      (writer.tensor(output).shape.length === 2 && axes.join() !== "1,2")
    ) {
      refuse(writer, operator, "only with keep_dims, or over height and width");
    }
    const mapped = axes.map((axis) => AXES[axis]!);
    const { name } = writer.tensor(output);
    if (type === "ReduceSum") inputs.push(writer.integers(`${name}#axes`, mapped));
    writer.output(operator, type, inputs, { keepdims: 1, ...(type !== "ReduceSum" && { axes: mapped }) });
  };
}

/** SLICE (begin, size) and STRIDED_SLICE (begin, end, strides, with masks). */
const slice: Lower = (writer, operator) => {
  const { options, inputs, outputs, type } = operator;
  const { shape } = writer.tensor(inputs[0]);
  const { name } = writer.tensor(outputs[0]);
  if (shape.length !== 4 || writer.tensor(outputs[0]).shape.length !== 4) {
    refuse(writer, operator, "only tensors of four axes can be sliced, without dropping one");
  }
  const isStrided = type === "STRIDED_SLICE";
  if (isStrided && [2, 3, 4].some((field) => options?.int32(field))) {
    refuse(writer, operator, "masks for ellipsis, new axes and dropped axes are not supported");
  }
  const begin = integersOf(writer, operator, 1);
  const second = integersOf(writer, operator, 2);
  const steps = isStrided ? integersOf(writer, operator, 3) : [1, 1, 1, 1];
  const [beginMask, endMask] = isStrided ? [options?.int32(0) ?? 0, options?.int32(1) ?? 0] : [0, 0];
  if (steps.some((step) => step < 1)) refuse(writer, operator, "only steps above 0 are supported");
  const starts = begin.map((at, axis) => (hasBit(beginMask, axis) ? 0 : at));
  const ends = second.map((at, axis) => {
    if (hasBit(endMask, axis) || (!isStrided && at === -1)) return shape[axis]!;
    return isStrided ? at : begin[axis]! + at;
  });
  const axes = [0, 1, 2, 3].filter(
    (axis) => starts[axis] !== 0 || ends[axis] !== shape[axis] || steps[axis] !== 1,
  );
  const picked = (list: readonly number[]): number[] => axes.map((axis) => list[axis]!);
  const parts = [
    writer.integers(`${name}#starts`, picked(starts)),
    writer.integers(`${name}#ends`, picked(ends)),
    writer.integers(`${name}#axes`, picked(AXES)),
    writer.integers(`${name}#steps`, picked(steps)),
  ];
  writer.output(operator, "Slice", [writer.activation(inputs[0]), ...parts], {}, { isKeeping: true });
};

/** Each part as a Slice. SPLIT: axis, input; SPLIT_V: input, sizes, axis. */
const split: Lower = (writer, operator) => {
  const isSized = operator.type === "SPLIT_V";
  const [axis] = axesFrom(4, integersOf(writer, operator, isSized ? 2 : 0));
  const input = operator.inputs[isSized ? 0 : 1];
  if (writer.tensor(input).shape.length !== 4)
    refuse(writer, operator, "only tensors of four axes can be split");
  let start = 0;
  operator.outputs.forEach((output, slot) => {
    const { name, shape } = writer.tensor(output);
    const end = start + shape[axis!]!;
    const parts = [
      writer.integers(`${name}#starts`, [start]),
      writer.integers(`${name}#ends`, [end]),
      writer.integers(`${name}#axes`, [AXES[axis!]!]),
    ];
    start = end;
    const from = { ...operator, inputs: [input!] };
    writer.output(from, "Slice", [writer.activation(input), ...parts], {}, { slot, isKeeping: true });
  });
};

const argMax: Lower = (writer, operator) => {
  const rank = writer.tensor(operator.inputs[0]).shape.length;
  const [axis] = axesFrom(rank, integersOf(writer, operator, 1));
  if (rank !== 4 || axis !== 3) refuse(writer, operator, "only over channels, the last of four axes");
  writer.output(operator, "ArgMax", [writer.activation(operator.inputs[0])], { axis: 1, keepdims: 0 });
};

const cast: Lower = (writer, operator) => {
  const to = CAST_TYPES[writer.tensor(operator.outputs[0]).type];
  if (to === undefined) refuse(writer, operator, "only to float32, float16, uint8, int32 and int64");
  const isFloat = writer.tensor(operator.inputs[0]).type === UINT8 && to === 1;
  if (isFloat) writer.setWritten(operator.outputs[0]!, writer.activation(operator.inputs[0]));
  else writer.output(operator, "Cast", [writer.activation(operator.inputs[0])], { to });
};

/** A constant becomes floats; of an activation the readers have the real numbers already. */
const dequantize: Lower = (writer, operator) => {
  const [from, to] = [operator.inputs[0]!, operator.outputs[0]!];
  const stored = writer.constant(from);
  if (stored) writer.setConstant(to, stored);
  else writer.setWritten(to, writer.activation(from));
};

const quantize: Lower = (writer, operator) => {
  const [from, to] = [operator.inputs[0]!, operator.outputs[0]!];
  writer.setWritten(to, writer.quantized(to, writer.activation(from)));
};

const softmax: Lower = (writer, operator) => {
  const beta = operator.options?.float32(0) ?? 1;
  if (beta !== 1) refuse(writer, operator, `beta ${beta} is not supported, only 1`);
  writer.output(operator, "Softmax", [writer.activation(operator.inputs[0])], { axis: 1 });
};

/** Slopes [1, 1, channels] as [channels, 1, 1]. */
const prelu: Lower = (writer, operator) => {
  const [input, slopes] = operator.inputs;
  const channels = writer.shape(input)[1]!;
  const stored = writer.constant(slopes);
  if (!stored) refuse(writer, operator, "its slopes must be constants");
  if (sizeOf(stored.shape) !== channels) {
    refuse(writer, operator, `slopes [${stored.shape}] are not supported, only one a channel`);
  }
  const slope = writer.floats(writer.tensor(slopes).name, [channels, 1, 1], realNumbers(stored));
  writer.output(operator, "PRelu", [writer.activation(input), slope]);
};

const block = (type: string): Lower => {
  return (writer, operator) => {
    const blocksize = operator.options?.int32(0) ?? 0;
    writer.output(
      operator,
      type,
      [writer.activation(operator.inputs[0])],
      { blocksize },
      { isKeeping: true },
    );
  };
};

const square: Lower = (writer, operator) => {
  const input = writer.activation(operator.inputs[0]);
  writer.output(operator, "Mul", [input, input]);
};

const reciprocalRoot: Lower = (writer, operator) => {
  const root = writer.fresh(`${writer.tensor(operator.outputs[0]).name}#root`);
  writer.add("Sqrt", [writer.activation(operator.inputs[0])], root);
  writer.output(operator, "Reciprocal", [root]);
};

const leakyRelu: Lower = (writer, operator) => {
  const alpha = { float: operator.options?.float32(0) ?? 0 };
  writer.output(operator, "LeakyRelu", [writer.activation(operator.inputs[0])], { alpha });
};

/** TFLite operations that are supported. */
export const OPERATORS: Readonly<Record<string, Lower>> = {
  ABS: unary("Abs"),
  ADD: binary("Add"),
  ARG_MAX: argMax,
  AVERAGE_POOL_2D: pool("AveragePool"),
  CAST: cast,
  CEIL: unary("Ceil"),
  CONCATENATION: concat,
  CONV_2D: convolution,
  Convolution2DTransposeBias: transposeConvolutionBias,
  DEPTHWISE_CONV_2D: depthwise,
  DEPTH_TO_SPACE: block("DepthToSpace"),
  DEQUANTIZE: dequantize,
  DIV: binary("Div"),
  ELU: unary("Elu"),
  EXP: unary("Exp"),
  EXPAND_DIMS: reshape,
  FLOOR: unary("Floor"),
  FULLY_CONNECTED: fullyConnected,
  HARD_SWISH: unary("HardSwish"),
  LEAKY_RELU: leakyRelu,
  LOGISTIC: unary("Sigmoid"),
  LOG_SOFTMAX: unary("LogSoftmax", { axis: 1 }),
  MAXIMUM: binary("Max", false),
  MAX_POOL_2D: pool("MaxPool"),
  MEAN: reduce("ReduceMean"),
  MINIMUM: binary("Min", false),
  MIRROR_PAD: pad,
  MUL: binary("Mul"),
  NEG: unary("Neg"),
  PAD: pad,
  PADV2: pad,
  POW: binary("Pow", false),
  PRELU: prelu,
  QUANTIZE: quantize,
  REDUCE_MAX: reduce("ReduceMax"),
  RELU: unary("Relu"),
  RELU6: clip(0, 6),
  RELU_N1_TO_1: clip(-1, 1),
  RESHAPE: reshape,
  RESIZE_BILINEAR: resizeBilinear,
  RESIZE_NEAREST_NEIGHBOR: resizeNearest,
  RSQRT: reciprocalRoot,
  SLICE: slice,
  SOFTMAX: softmax,
  SPACE_TO_DEPTH: block("SpaceToDepth"),
  SPLIT: split,
  SPLIT_V: split,
  SQRT: unary("Sqrt"),
  SQUARE: square,
  SQUEEZE: reshape,
  STRIDED_SLICE: slice,
  SUB: binary("Sub"),
  SUM: reduce("ReduceSum"),
  TANH: unary("Tanh"),
  TRANSPOSE_CONV: transposeConvolution,
};
