/** The scalar engine translated to JavaScript, for hosts without WebAssembly: the same bytes, far slower. */
import { type Instance, test } from "../engine.js";
import { EnvironmentError } from "../errors.js";
import { instantiateJavascript } from "../generated/javascript.js";

/**
 * A fresh instance.
 *
 * @throws RangeError for any build but this one, EnvironmentError if this host computes wrong numbers
 */
export async function openEngine(requested = "javascript"): Promise<Instance & { variant: "javascript" }> {
  if (requested !== "javascript") throw new RangeError(`"variant" expected javascript, got "${requested}"`);
  return { variant: "javascript", ...test(instantiateJavascript()) };
}

/** @throws (rejects) EnvironmentError: one thread is all there is */
export async function importThreads(): Promise<typeof import("../threads.js")> {
  throw new EnvironmentError("no threads without WebAssembly");
}
