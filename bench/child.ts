/** A process of Node with one engine in it; the parent sends commands one at a time. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Engine, Host, Load, Spec } from "./engines/engine.js";
import { hashMasks } from "./engines/hash.js";
import { watchMemory } from "./engines/memory.js";
import { timedRun } from "./engines/timed.js";
import { measureRoofline } from "./roofline/measure.js";
import type { Answer, Command } from "./runner.js";

const site = join(import.meta.dirname, "../site");
const memoryBytes = watchMemory();
const host: Host = {
  isNode: true,
  read: (name) => readFile(join(site, "files", name)).then((bytes) => new Uint8Array(bytes)),
  assets: (name) => join(site, "assets", name, "/"),
};
let engine: Engine;
let levels: Uint8Array;

const loaders: Record<Spec["engine"], () => Promise<{ load: Load }>> = {
  ours: () => import("./engines/ours.js"),
  "tfjs-wasm": () => import("./engines/tfjs-wasm.js"),
  "tfjs-cpu": () => import("./engines/tfjs-cpu.js"),
  "onnxruntime-web": () => import("./engines/onnxruntime-web.js"),
  "onnxruntime-node": () => import("./engines/onnxruntime-node.js"),
  litert: () => import("./engines/litert.js"),
};

const commands: Record<Command["name"], (command: Command) => Promise<Answer>> = {
  async load({ spec }) {
    levels = await host.read(spec!.image);
    const rss = process.memoryUsage.rss();
    const start = performance.now();
    const { load } = await loaders[spec!.engine]();
    engine = await load(spec!, host);
    const loaded = performance.now();
    const mask = Uint8Array.from(await engine.run(levels));
    const firstMask = performance.now();
    return {
      load: loaded - start,
      firstMask: firstMask - start,
      mask,
      residentBytes: process.memoryUsage.rss() - rss,
    };
  },
  async run({ spec }) {
    const cpu = process.cpuUsage();
    const { wall, count } = await timedRun(engine, levels, spec!.isSlow);
    const { user, system } = process.cpuUsage(cpu);
    return { wall, cpu: (user + system) / 1000 / count };
  },
  async memory() {
    return { linearBytes: memoryBytes() };
  },
  async hash({ images }) {
    return { hash: await hashMasks(engine, host.read, images!) };
  },
  async roofline({ variant, passes }) {
    return { roofline: await measureRoofline(host, variant!, await host.read("image.rgb"), passes!) };
  },
  async close() {
    await engine?.close();
    return {};
  },
};

function answer(value: Answer): void {
  process.send?.(value);
}

process.on("message", async (command: Command) => {
  try {
    answer(await commands[command.name](command));
  } catch (error) {
    answer({ error: error instanceof Error ? error.message : String(error) });
  }
  if (command.name === "close") process.disconnect?.();
});
