/** The scalar engine translated to JavaScript, for hosts without WebAssembly: the same bytes, far slower. */
import type { EngineExports } from "../engine.js";
import { instantiateJavascript } from "../generated/javascript.js";

/**
 * A fresh instance.
 *
 * @throws RangeError for any build but this one
 */
export async function openEngine(
  asked = "javascript",
): Promise<{ variant: "javascript"; exports: EngineExports }> {
  if (asked !== "javascript") throw new RangeError(`"variant" expected javascript, got "${asked}"`);
  return { variant: "javascript", exports: instantiateJavascript() };
}

/** One thread is all there is. */
export const importThreads = undefined;
