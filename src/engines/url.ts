/** The engine as files beside the library, fetched when first needed and compiled while they arrive. */
import { type EngineExports, instantiate } from "../engine.js";
import { EnvironmentError } from "../errors.js";
import { openAddress } from "../source.js";
import type { Variant } from "../variant.js";

export { chooseVariant } from "../variant.js";

/** Addresses, written out in full because bundlers look for exactly this form. */
const ADDRESSES: Readonly<Record<Variant, () => URL>> = {
  simd: () => new URL("./engine/simd.wasm", import.meta.url),
  scalar: () => new URL("./engine/scalar.wasm", import.meta.url),
};

/** A fresh instance of a build, made from `module` where that is given. */
export async function startEngine(variant: Variant, module?: WebAssembly.Module): Promise<EngineExports> {
  return instantiate(module ?? (await compile(ADDRESSES[variant]())));
}

/** Streaming is allowed for one media type only; a server that names another one costs no more than the wait. */
async function compile(address: URL): Promise<WebAssembly.Module> {
  const response = await openAddress(address);
  const streams = response.headers.get("content-type") === "application/wasm";
  try {
    return await (streams
      ? WebAssembly.compileStreaming(response)
      : WebAssembly.compile(await response.arrayBuffer()));
  } catch (error) {
    throw new EnvironmentError(`no engine at ${address}: ${(error as Error).message}`);
  }
}
