/**
 * What the passes make of whole networks, against onnxruntime, before anything is quantized: ONNX files of the folder
 * that the environment's NETWORKS names, as `python -m tools.networks` leaves them there.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { loadGraph } from "../../../tools/convert/onnx/load.js";
import { lower } from "../../../tools/convert/passes/index.js";
import { calibrate, sharedTensors } from "../../../tools/convert/quantize/calibrate.js";
import { openSession } from "../../../tools/convert/runtime.js";
import { evaluate } from "./evaluate.js";
import { images } from "./onnx-builder.js";

vi.setConfig({ testTimeout: 600_000 });

const folder = process.env.NETWORKS;
const isNetwork = (name: string): boolean => /\.(torchscript|dynamo)\.onnx$/.test(name);
const only = new RegExp(process.env.NETWORKS_ONLY ?? "");
const files = folder ? readdirSync(folder).filter((name) => isNetwork(name) && only.test(name)) : [];

/** The largest error of the logits, a share of their largest deviation from their mean. */
async function errorOf(bytes: Uint8Array, from: string): Promise<number> {
  const loaded = {
    ...loadGraph(bytes, { folder: from }),
    file: bytes,
    format: "ONNX",
    isInputQuantized: false,
  };
  const graph = lower(loaded.graph);
  const session = await openSession(loaded, sharedTensors(loaded, graph), true, graph.layouts);
  const [image] = images(1, loaded.width, loaded.height);
  const none = (): void => {};
  const { samples } = await calibrate(session, loaded, graph, [image!], {}, new Set(), 1, none);
  await session.release();
  const planes = Float32Array.from(image!, (_, at) => {
    const pixels = image!.length / 3;
    return image![3 * (at % pixels) + Math.floor(at / pixels)]! / 255;
  });
  const { shape, data } = evaluate(graph, planes);
  const logits = samples[0]!.logits!;
  const [channels, height, width] = shape;
  const mean = logits.reduce((sum, value) => sum + value, 0) / logits.length;
  let [error, spread] = [0, 0];
  logits.forEach((value, at) => {
    const got = data[(at % channels) * height * width + Math.floor(at / channels)]!;
    error = Math.max(error, Math.abs(value - got));
    spread = Math.max(spread, Math.abs(value - mean));
  });
  return error / spread;
}

describe.skipIf(files.length === 0)("networks", () => {
  test.each(files)("%s", async (name) => {
    expect(await errorOf(readFileSync(join(folder!, name)), folder!)).toBeLessThan(1e-3);
  });
});
