/**
 * Least milliseconds for an image, one thread each: ours and onnxruntime on each ONNX file take turns in one process.
 *
 *     node tools/networks/times.js MODEL.aseg FILE.onnx... [--side 192] [--turns 15] [--native]
 *
 * --side is that of the model's image where its file gives no size; --native takes onnxruntime's machine code, which
 * `npm run bench` installs, instead of onnxruntime-web. Output, JSON: {"build": "relaxed", "ours": 1.5, "others":
 * {"FILE.onnx": 3}}.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Segmenter } from "../../dist/node.js";

const OPTIONS = {
  side: { type: "string" },
  turns: { type: "string", default: "15" },
  native: { type: "boolean", default: false },
};
const {
  values: { side, turns, native },
  positionals: [file, ...others],
} = parseArgs({ options: OPTIONS, allowPositionals: true });

const bench = createRequire(new URL("../../bench/package.json", import.meta.url));
const runtime = native ? pathToFileURL(bench.resolve("onnxruntime-node")).href : "onnxruntime-web";
const { default: ort } = await import(runtime);
if (!native) ort.env.wasm.numThreads = 1;

const random = (length) => Uint8Array.from({ length }, (_, at) => (at * 2654435761) >>> 24);
const size = side && { width: Number(side), height: Number(side) };
const segmenter = await Segmenter.load(readFileSync(file), { ...size });
const { width, height } = segmenter.info;
const data = random(3 * width * height);
const runs = new Map([["ours", () => segmenter.segment({ data, width, height })]]);
for (const other of others) {
  const external = `${other}.data`;
  const session = await ort.InferenceSession.create(readFileSync(other), {
    executionProviders: [native ? "cpu" : "wasm"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    ...(existsSync(external) && {
      externalData: [{ path: basename(external), data: readFileSync(external) }],
    }),
  });
  const { name, shape } = session.inputMetadata[0];
  const dims = shape.map((length) => (typeof length === "number" ? length : 1));
  const levels = random(dims.reduce((product, length) => product * length, 1));
  const feed = {
    [name]: new ort.Tensor(
      "float32",
      Float32Array.from(levels, (level) => level / 255),
      dims,
    ),
  };
  runs.set(other, () => session.run(feed, [session.outputNames[0]]));
}

/** Milliseconds for which each runs before its times count: compilers have done with it then. */
const WARM_UP = 1000;
for (const run of runs.values()) {
  for (const start = performance.now(); performance.now() < start + WARM_UP; ) await run();
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
process.stdout.write(JSON.stringify({ build: segmenter.info.variant, ours, others: rest }));
