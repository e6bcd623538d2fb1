/** A worker of a model with several threads, in web-like hosts: see threads.ts. */
import type { ThreadStart } from "./threads.js";

globalThis.onmessage = ({ data }: MessageEvent<ThreadStart>) => {
  const { module, memory, records, part, parts } = data;
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const { work } = exports as unknown as { work(records: number, part: number, parts: number): void };
  postMessage(0);
  work(records, part, parts);
};
