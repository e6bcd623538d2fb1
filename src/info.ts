import { kindOf, type Model } from "./ops.js";
import type { Plan } from "./plan.js";

/**
 * How products of int8 are summed on a host, by the answer of the engine's self-test (src/record.ts): pairs of int16; the
 * relaxed dot product, then a sum; or both in one instruction, whose second operand counts as signed or unsigned.
 */
export const DOT_PRODUCTS = ["plain", "relaxed", "relaxed-add-signed", "relaxed-add-unsigned"] as const;

/** Cost of one operation at one input size. */
export interface OpInfo {
  /** Kind of operation, e.g. "pointwise". */
  readonly name: string;
  /** Name of the output tensor, or "" where the model keeps no names. */
  readonly tensor: string;
  /** Size of the output. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Multiply-accumulates of convolutions. */
  readonly macs: number;
  /** Trained numbers: weights and biases. */
  readonly parameters: number;
  readonly weightBytes: number;
}

/** Cost of a model at one input size. */
export interface ModelInfo {
  /** Input size, pixels. */
  readonly width: number;
  readonly height: number;
  readonly parameters: number;
  readonly macs: number;
  /** Bytes of int8 weights. */
  readonly weightBytes: number;
  /** Bytes of activations and scratch at their peak. */
  readonly arenaBytes: number;
  /** Bytes of linear memory, fixed at load. */
  readonly memoryBytes: number;
  readonly ops: readonly OpInfo[];
}

/** Counts what a model costs at the size of a plan. */
export function modelInfo(model: Model, plan: Plan): ModelInfo {
  const ops = model.ops.map((op): OpInfo => {
    const { channels } = model.tensors[op.output]!;
    const { height, width } = plan.tensors[op.output]!;
    const inChannels = op.inputs.length > 0 ? model.tensors[op.inputs[0]!]!.channels : 0;
    const kind = kindOf(op);
    return {
      name: kind.name,
      tensor: model.metadata.tensors?.[op.output] ?? "",
      height,
      width,
      channels,
      macs: (kind.taps?.(op.attributes, inChannels) ?? 0) * height * width * channels,
      parameters: op.weights.length + op.bias.length,
      weightBytes: op.weights.length,
    };
  });
  const sum = (field: "macs" | "parameters" | "weightBytes") =>
    ops.reduce((total, op) => total + op[field], 0);
  return {
    width: plan.width,
    height: plan.height,
    parameters: sum("parameters"),
    macs: sum("macs"),
    weightBytes: sum("weightBytes"),
    arenaBytes: plan.arenaBytes,
    memoryBytes: plan.memoryBytes,
    ops,
  };
}
