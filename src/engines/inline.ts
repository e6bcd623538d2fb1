/**
 * The engine as text inside the library: works wherever bytes may be compiled, with no file to serve.
 *
 * Each file of this folder is one way to an engine, with the same two exports; the build picks one for each entry
 * of the package (tools/build.js).
 */
import { type EngineExports, instantiate } from "../engine.js";
import { SCALAR, SIMD } from "../generated/engine.js";
import type { Variant } from "../variant.js";

export { chooseVariant } from "../variant.js";

const TEXTS: Readonly<Record<Variant, string>> = { simd: SIMD, scalar: SCALAR };

/** Bytes of the engine module of a build. */
export function engineBytes(variant: Variant): Uint8Array<ArrayBuffer> {
  const text = atob(TEXTS[variant]);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** A fresh instance of a build, made from `module` where that is given. */
export async function startEngine(variant: Variant, module?: WebAssembly.Module): Promise<EngineExports> {
  return instantiate(module ?? (await WebAssembly.compile(engineBytes(variant))));
}
