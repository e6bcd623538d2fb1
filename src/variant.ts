import type { EngineExports } from "./engine.js";
import { EnvironmentError } from "./errors.js";

/** Builds of the engine, fastest first. All give the same bytes. */
export const VARIANTS = ["relaxed", "simd", "scalar"] as const;
export type Variant = (typeof VARIANTS)[number];

/** What `open` gives for the build asked for, or else for the fastest that works on this host. */
export interface Opened {
  readonly variant: Variant;
  readonly exports: EngineExports;
}

/**
 * Opens a build of the engine.
 *
 * @param asked its name; default: the fastest that compiles and computes right here
 * @param open instantiates a build; it throws EnvironmentError or WebAssembly.CompileError where the host cannot
 * @throws RangeError for an unknown name, EnvironmentError where the host lacks what the build needs
 */
export async function openVariant(
  asked: string | undefined,
  open: (variant: Variant) => Promise<EngineExports>,
): Promise<Opened> {
  if (typeof WebAssembly !== "object") throw new EnvironmentError("no WebAssembly here");
  const variants = VARIANTS.filter((name) => asked === undefined || name === asked);
  if (variants.length === 0) {
    throw new RangeError(`"variant" expected one of ${VARIANTS.join(", ")}, got "${asked}"`);
  }
  let reason = "";
  for (const variant of variants) {
    try {
      return { variant, exports: await open(variant) };
    } catch (error) {
      if (!(error instanceof WebAssembly.CompileError || error instanceof EnvironmentError)) throw error;
      reason = error.message;
    }
  }
  throw new EnvironmentError(`this host cannot run the variant ${variants.join(", ")}: ${reason}`);
}
