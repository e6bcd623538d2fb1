/**
 * The engine as text inside the library: works wherever bytes may be compiled, with no file to serve.
 *
 * Each file of this folder is one way to an engine, with the same two exports; the build picks one for each entry
 * of the package (tools/build.js).
 */
import { decodeBase64 } from "../base64.js";
import { instantiate } from "../engine.js";
import { RELAXED, SCALAR, SIMD } from "../generated/engine.js";
import { type Opened, openVariant, type Variant } from "../variant.js";

const TEXTS: Readonly<Record<Variant, string>> = { relaxed: RELAXED, simd: SIMD, scalar: SCALAR };

/** Bytes of the engine module of a build. */
export function engineBytes(variant: Variant): Uint8Array<ArrayBuffer> {
  return decodeBase64(TEXTS[variant]);
}

/** Modules compiled so far: a build is compiled once, also where that fails. */
const modules: Partial<Record<Variant, Promise<WebAssembly.Module>>> = {};

/** A fresh instance of the build asked for or of the fastest that works. */
export function openEngine(requested?: Variant): Promise<Opened> {
  return openVariant(requested, async (variant) => {
    modules[variant] ??= WebAssembly.compile(engineBytes(variant));
    return instantiate(await modules[variant]);
  });
}

/** What runs a model with several threads; loaded when first needed. */
export const importThreads = () => import("../threads.js");
