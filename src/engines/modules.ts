/** The engine as imported modules, for hosts at the edge: they compile at deployment and refuse bytes afterwards. */
import scalar from "engine:scalar";
import simd from "engine:simd";
import { type EngineExports, instantiate } from "../engine.js";
import type { Variant } from "../variant.js";

export { chooseVariant } from "../variant.js";

const MODULES: Readonly<Record<Variant, WebAssembly.Module>> = { simd, scalar };

/** A fresh instance of a build, made from `module` where that is given. */
export async function startEngine(variant: Variant, module = MODULES[variant]): Promise<EngineExports> {
  return instantiate(module);
}
