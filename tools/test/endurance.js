/**
 * Does memory stay flat? Segments one image many times with one segmenter, then loads and disposes of segmenters.
 *
 *   node --expose-gc tools/test/endurance.js [--model FILE] [--segments N] [--loads N] [--warm-up N] [--json]
 *
 * Prints the resident memory of this process in MB (of 1,000,000 bytes) after every tenth part, garbage collected.
 * Before that, each action is done as often as --warm-up says: the allocator keeps pages that it will need again,
 * and takes about 200 loads to have all of them. The library must have been built.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Segmenter } from "../../dist/node.js";

const WIDTH = 960;
const HEIGHT = 720;
const SAMPLES = 10;

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "models/attendseg-camvid.aseg" },
    segments: { type: "string", default: "1000" },
    loads: { type: "string", default: "200" },
    "warm-up": { type: "string", default: "200" },
    json: { type: "boolean", default: false },
  },
});
const model = readFileSync(values.model);
const data = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, at) => at * 31 + (at >> 9));
const image = { data, width: WIDTH, height: HEIGHT };

/** What this process holds after a collection: resident memory in MB, timers, sockets, files and threads. */
async function sampleMemory() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { megabytes: process.memoryUsage.rss() / 1e6, handles: process.getActiveResourcesInfo().length };
}

/** Warms up, does something `count` times and measures before it and after every tenth part. */
async function repeat(count, action) {
  for (let done = 0; done < Number(values["warm-up"]); done++) await action();
  const samples = [await sampleMemory()];
  for (let done = 1; done <= count; done++) {
    await action();
    if (Math.floor((done * SAMPLES) / count) >= samples.length) samples.push(await sampleMemory());
  }
  const resident = samples.map(({ megabytes }) => Math.round(megabytes * 10) / 10);
  const handles = samples.map((sample) => sample.handles);
  return { count, resident, growth: Math.round((resident.at(-1) - resident[0]) * 10) / 10, handles };
}

// Node 20 can wait for itself forever where nothing but a compilation keeps it alive.
const alive = setInterval(() => {}, 1000);
const segmenter = await Segmenter.load(model);
const segments = await repeat(Number(values.segments), () => segmenter.segment(image));
segmenter.dispose();
const loads = await repeat(Number(values.loads), async () => {
  const other = await Segmenter.load(model);
  other.segment(image);
  other.dispose();
});
clearInterval(alive);

if (values.json) {
  console.log(JSON.stringify({ memoryBytes: segmenter.info.memoryBytes, segments, loads }));
} else {
  for (const [what, { count, resident, growth }] of Object.entries({ segments, loads })) {
    console.log(`${count} ${what}: ${resident.join(", ")} MB resident, growth ${growth} MB`);
  }
}
