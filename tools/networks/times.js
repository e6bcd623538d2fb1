/**
 * Milliseconds for an image of SIDE x SIDE pixels, one thread each, the least of many turns:
 * node tools/networks/times.js MODEL.aseg SIDE TURNS FILE.onnx...
 *
 * Ours and onnxruntime-web on each ONNX file take turns in one process. Output: {"ours": 1.5, "others": {"FILE.onnx": 3}}.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import * as ort from "onnxruntime-web";
import { Segmenter } from "../../dist/node.js";

const [file, side, turns, ...others] = process.argv.slice(2);
const [width, height] = [Number(side), Number(side)];
const data = Uint8Array.from({ length: 3 * width * height }, (_, at) => (at * 2654435761) >>> 24);
const planes = Float32Array.from({ length: data.length }, (_, at) => data[at] / 255);

ort.env.wasm.numThreads = 1;
const segmenter = await Segmenter.load(readFileSync(file));
const runs = new Map([["ours", () => segmenter.segment({ data, width, height })]]);
for (const other of others) {
  const external = `${other}.data`;
  const session = await ort.InferenceSession.create(readFileSync(other), {
    executionProviders: ["wasm"],
    logSeverityLevel: 4,
    ...(existsSync(external) && {
      externalData: [{ path: basename(external), data: readFileSync(external) }],
    }),
  });
  const feed = { [session.inputNames[0]]: new ort.Tensor("float32", planes, [1, 3, height, width]) };
  runs.set(other, () => session.run(feed, [session.outputNames[0]]));
}

const least = new Map();
for (let turn = 0; turn < Number(turns); turn++) {
  for (const [name, run] of runs) {
    const start = performance.now();
    await run();
    least.set(name, Math.min(least.get(name) ?? Infinity, performance.now() - start));
  }
}
const { ours, ...rest } = Object.fromEntries(least);
process.stdout.write(JSON.stringify({ ours, others: rest }));
