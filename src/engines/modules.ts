/** The engine as imported modules, for hosts at the edge: they compile at deployment and refuse bytes afterwards. */
import relaxed from "engine:relaxed";
import scalar from "engine:scalar";
import simd from "engine:simd";
import { instantiate } from "../engine.js";
import { type Opened, openVariant, type Variant } from "../variant.js";

const MODULES: Readonly<Record<Variant, WebAssembly.Module>> = { relaxed, simd, scalar };

/** A fresh instance of the build asked for or of the fastest that works. */
export function openEngine(asked?: Variant): Promise<Opened> {
  return openVariant(asked, async (variant) => instantiate(MODULES[variant]));
}

/** There are no threads at the edge. */
export const importThreads = undefined;
