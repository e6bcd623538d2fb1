import { ConvertError, checking } from "../errors.js";
import type { Normalization } from "../feed.js";
import { describe, type Graph, LOWERED, type Pass, prune } from "../graph.js";
import { SUPPORTED } from "../onnx/shapes.js";
import { affine, channels } from "./affine.js";
import { arithmetic } from "./arithmetic.js";
import { batchNorm } from "./batch-norm.js";
import { cleanup } from "./cleanup.js";
import { concat } from "./concat.js";
import { conv } from "./conv.js";
import { head, tail } from "./ends.js";
import { functions, merge } from "./functions.js";
import { gate } from "./gate.js";
import { normalize } from "./normalize.js";
import { pad } from "./pad.js";
import { pooling } from "./pooling.js";
import { quantization } from "./quantization.js";
import { resize } from "./resize.js";

/** The passes in the order in which they run. */
export function passList({ mean, std }: Normalization): readonly (readonly [string, Pass])[] {
  const requested: (readonly [string, Pass])[] =
    mean || std ? [["normalize", normalize(mean ?? [0, 0, 0], std ?? [1, 1, 1])]] : [];
  return [
    ["quantization", quantization],
    ["tail", tail],
    ["cleanup", cleanup],
    ["head", head],
    ...requested,
    ["resize", resize],
    ["conv", conv],
    ["pooling", pooling],
    ["concat", concat],
    ["batchNorm", batchNorm],
    ["channels", channels],
    ["affine", affine],
    ["pad", pad],
    ["functions", functions],
    ["merge", merge],
    ["gate", gate],
    ["arithmetic", arithmetic],
  ];
}

/**
 * Runs all passes; what remains are nodes of the types `LOWERED`.
 *
 * @throws ConvertError that names a node no pass could lower
 */
export function lower(graph: Graph, options: Normalization = {}): Graph {
  let current = graph;
  for (const [name, pass] of passList(options)) {
    current = checking(`the graph, at the step "${name}"`, () => prune(pass(current)));
  }
  for (const node of current.nodes) {
    if ((LOWERED as readonly string[]).includes(node.type)) continue;
    throw new ConvertError(
      `${describe(node)}: not supported on these inputs; supported are ${SUPPORTED.join(", ")}`,
    );
  }
  return current;
}
