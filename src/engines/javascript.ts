/** The scalar engine translated to JavaScript, for hosts without WebAssembly: the same bytes, far slower. */
import type { EngineExports } from "../engine.js";
import { instantiateJavascript } from "../generated/javascript.js";

/** @throws RangeError for any build but this one */
export function chooseVariant(asked = "javascript"): "javascript" {
  if (asked !== "javascript") throw new RangeError(`"variant" expected javascript, got "${asked}"`);
  return "javascript";
}

/** A fresh instance. */
export async function startEngine(): Promise<EngineExports> {
  return instantiateJavascript();
}
