/** The files of the single layers. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Segmenter } from "../../src/segmenter.js";
import { writeModel } from "../../tools/convert/index.js";
import { networkOf } from "../networks/layers.js";
import { tfliteNetwork } from "../networks/tflite.js";
import { LAYERS, type LayerCase, layerModel } from "./cases.js";

/** A layer, with what its two networks give. */
export interface PreparedLayer {
  readonly layer: LayerCase;
  readonly networks: Record<"many" | "one", { readonly file: string; readonly mask: Uint8Array }>;
}

/**
 * Writes both networks of every layer, as `<file>.aseg` and `<file>.tflite`.
 *
 * @param imageOf gives levels uint8 [side, side, 3]; they are written as `layer-<side>.rgb`
 */
export async function prepareLayers(
  folder: string,
  imageOf: (side: number) => Uint8Array,
): Promise<PreparedLayer[]> {
  const prepared: PreparedLayer[] = [];
  for (const layer of LAYERS) {
    const levels = imageOf(layer.side);
    writeFileSync(join(folder, `layer-${layer.side}.rgb`), levels);
    const network = async (isMany: boolean) => {
      const file = `${layer.name}-${isMany ? "many" : "one"}`;
      const model = layerModel(layer, isMany);
      const bytes = writeModel(model);
      writeFileSync(join(folder, `${file}.aseg`), bytes);
      writeFileSync(join(folder, `${file}.tflite`), tfliteNetwork(networkOf(model), "s8"));
      const segmenter = await Segmenter.load(bytes, { variant: "scalar" });
      const { mask } = segmenter.segment({
        data: levels,
        width: layer.side,
        height: layer.side,
        channels: 3,
      });
      segmenter.dispose();
      return { file, mask };
    };
    prepared.push({ layer, networks: { many: await network(true), one: await network(false) } });
  }
  return prepared;
}
