import type { Model } from "../../src/ops.js";
import { logitsOf } from "../common/engine.js";
import { build } from "../convert/aseg/build.js";
import { makeMetadata } from "../convert/aseg/metadata.js";
import { strideOf } from "../convert/aseg/stride.js";
import { loadGraph } from "../convert/load.js";
import { lower } from "../convert/passes/index.js";
import { assign } from "../convert/quantize/assign.js";
import { rangesOf } from "../convert/quantize/derive.js";

/** Pretended where nothing was measured: cost does not depend on ranges. */
const RANGE = { min: -1, max: 1 };

/**
 * The model that the converter makes of an ONNX file, with pretended ranges: good for counting, not for running.
 *
 * @param folder where the file's external data lies
 * @throws ConvertError if the file is damaged or holds what is not supported
 */
export function uncalibratedModel(bytes: Uint8Array, folder: string): Model {
  const { graph, width, height } = loadGraph(bytes, { folder });
  const lowered = lower(graph);
  const derived = rangesOf(lowered, new Map(), "min-max");
  const quantizations = assign(lowered, (tensor, levels) => derived(tensor, levels) ?? RANGE, 7);
  const { tensors, names, ops } = build(lowered, quantizations, () => {});
  const { channels } = tensors[logitsOf({ ops })]!;
  const metadata = makeMetadata("network", channels, names, undefined, undefined, {});
  return { tensors, ops, metadata, stride: strideOf({ tensors, ops }, height, width), width, height };
}
