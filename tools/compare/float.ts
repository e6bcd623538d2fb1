import type { Model } from "../../src/ops.js";
import { logitsOf } from "../common/engine.js";
import { channelsLast, toFloats, toInput } from "../convert/feed.js";
import type { LoadedGraph } from "../convert/onnx/load.js";
import { TensorDifferences } from "../convert/quantize/sqnr.js";
import { openSession } from "../convert/runtime.js";
import { referenceSizes, runReference } from "../reference/run.js";
import type { Comparator, CompareOptions, MaskAgreement } from "./comparator.js";

/** Compares with a float file: each tensor that both have, by correlation and SQNR. */
export async function openFloat(
  loaded: LoadedGraph,
  model: Model,
  options: CompareOptions,
  agreement: MaskAgreement,
): Promise<Comparator> {
  const { width, height, tensors } = model;
  const { run = runReference } = options;
  const sizes = referenceSizes(model, height, width);
  const written = new Set(loaded.model.nodes.flatMap((node) => node.outputs));
  const differences = new TensorDifferences(model, written);
  const { ids } = differences;
  const elements = [...ids].map(([name, id]): [string, number] => {
    return [name, sizes[id]!.height * sizes[id]!.width * tensors[id]!.channels];
  });
  const session = await openSession(loaded, new Map(elements), true);
  return {
    async add(image) {
      const ours = run(model, toInput(image), height, width);
      await session.run(toFloats(image, loaded.inputShape, options), (name, tensor) => {
        differences.add(name, tensor, ours);
        if (ids.get(name) !== logitsOf(model)) return;
        const { dims, data } = tensor;
        agreement.add(ours[logitsOf(model)]!, channelsLast(dims, data, 0, new Float32Array(data.length)));
      });
    },
    differences: () => ({ operations: [], tensors: differences.rows() }),
    release: () => session.release(),
  };
}
