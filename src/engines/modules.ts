/**
 * The engine as imported modules, for hosts at the edge: they compile at deployment and refuse bytes afterwards. The
 * relaxed build is not among them, since a host without its instructions would refuse the whole deployment.
 */
import scalar from "engine:scalar";
import simd from "engine:simd";
import { instantiate } from "../engine.js";
import { EnvironmentError } from "../errors.js";
import { type Opened, openVariant, type Variant } from "../variant.js";

const MODULES: Partial<Record<Variant, WebAssembly.Module>> = { simd, scalar };

/** A fresh instance of the build asked for or of the fastest that works. */
export function openEngine(requested?: Variant): Promise<Opened> {
  return openVariant(requested, async (variant) => {
    const module = MODULES[variant];
    if (!module) throw new EnvironmentError("it is not in this bundle");
    return instantiate(module);
  });
}

/** @throws (rejects) EnvironmentError: there are none at the edge */
export async function importThreads(): Promise<typeof import("../threads.js")> {
  throw new EnvironmentError("no threads at the edge");
}
