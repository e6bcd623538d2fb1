/** The engine as files beside the library, fetched when first needed and compiled while they arrive. */
import { instantiate } from "../engine.js";
import { openAddress } from "../source.js";
import { type Opened, openVariant, type Variant } from "../variant.js";

/** Addresses, written out in full because bundlers look for exactly this form. */
const ADDRESSES: Readonly<Record<Variant, () => URL>> = {
  relaxed: () => new URL("./engine/relaxed.wasm", import.meta.url),
  simd: () => new URL("./engine/simd.wasm", import.meta.url),
  scalar: () => new URL("./engine/scalar.wasm", import.meta.url),
};

/** A fresh instance of the build asked for or of the fastest that works. */
export function openEngine(requested?: Variant): Promise<Opened> {
  return openVariant(requested, async (variant) => instantiate(await compile(ADDRESSES[variant]())));
}

/** Streaming is allowed for one media type only; a server that names another one costs no more than the wait. */
async function compile(address: URL): Promise<WebAssembly.Module> {
  const response = await openAddress(address);
  const streams = response.headers.get("content-type") === "application/wasm";
  return streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

/** What runs a model with several threads; loaded when first needed. */
export const importThreads = () => import("../threads.js");
