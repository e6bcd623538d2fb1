/** The engine as files beside the library, fetched when first needed and compiled while they arrive. */
import { instantiate } from "../engine.js";
import { EnvironmentError, shorten } from "../errors.js";
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
  if (response.headers.get("content-type") === "application/wasm")
    return WebAssembly.compileStreaming(response as Response);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (String.fromCharCode(...bytes.subarray(0, 4)) === "\0asm") return WebAssembly.compile(bytes);
  const what = /^\s*</.test(String.fromCharCode(...bytes.subarray(0, 20)))
    ? "an HTML page"
    : "no WebAssembly";
  throw new EnvironmentError(
    `${shorten(address.href)} is ${what}: serve the files of attendseg/dist/engine there, or import attendseg`,
  );
}

/** What runs a model with several threads; loaded when first needed. */
export const importThreads = () => import("../threads.js");
