/** The page with one engine in it: `window.bench` does what it is asked. */
import type { Engine, Host, Load, Mask, Spec } from "../engines/engine.js";
import { hashMasks } from "../engines/hash.js";
import { watchMemory } from "../engines/memory.js";
import { timedRun } from "../engines/timed.js";
import type * as roofline from "../roofline/measure.js";

/** What a page offers; times in milliseconds. */
export interface PageBench {
  load(spec: Spec): Promise<{ load: number; firstMask: number }>;
  /** One timed inference, and how many ran: see timedRun. */
  run(spec: Spec): Promise<{ wall: number; count: number }>;
  /** The last mask as base64 of class ids, [side, side]. */
  mask(): string;
  linearBytes(): number;
  /** SHA-256 of the masks of some images, one after the other, hexadecimal. */
  hash(images: readonly string[]): Promise<string>;
  /** Times of every operation of ours. */
  roofline(variant: string, passes: number): Promise<roofline.Roofline>;
}

declare global {
  interface Window {
    bench: PageBench;
  }
}

const host: Host = {
  isNode: false,
  async read(name) {
    const response = await fetch(new URL(`files/${name}`, document.baseURI));
    if (!response.ok) throw new Error(`cannot fetch ${name}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  },
  assets: (name) => new URL(`assets/${name}/`, document.baseURI).href,
};

const memoryBytes = watchMemory();
let engine: Engine;
let levels: Uint8Array;
let last: Mask;

window.bench = {
  async load(spec) {
    levels = await host.read(spec.image);
    const start = performance.now();
    const { load } = (await import(new URL(`engines/${spec.engine}.js`, document.baseURI).href)) as {
      load: Load;
    };
    engine = await load(spec, host);
    const loaded = performance.now();
    last = await engine.run(levels);
    return { load: loaded - start, firstMask: performance.now() - start };
  },
  async run(spec) {
    const { wall, mask, count } = await timedRun(engine, levels, spec.isSlow);
    last = mask;
    return { wall, count };
  },
  mask() {
    const ids = Uint8Array.from(last);
    let text = "";
    for (let at = 0; at < ids.length; at += 4096) {
      text += String.fromCharCode(...ids.subarray(at, at + 4096));
    }
    return btoa(text);
  },
  linearBytes: memoryBytes,
  hash: (images) => hashMasks(engine, host.read, images),
  async roofline(variant, passes) {
    const { measureRoofline } = (await import(
      new URL("engines/roofline.js", document.baseURI).href
    )) as typeof roofline;
    return measureRoofline(host, variant, await host.read("image.rgb"), passes);
  },
};
