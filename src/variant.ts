import type { Instance } from "./engine.js";
import { EnvironmentError } from "./errors.js";

/** Builds of the engine, fastest first. All give the same bytes. */
export const VARIANTS = ["relaxed", "simd", "scalar"] as const;
export type Variant = (typeof VARIANTS)[number];

/** What `open` gives for the build asked for, or else for the fastest that works on this host. */
export interface Opened extends Instance {
  readonly variant: Variant;
}

/**
 * Opens a build of the engine.
 *
 * @param requested its name; default: the fastest that compiles and computes right here
 * @param open instantiates a build; it throws EnvironmentError or WebAssembly.CompileError where the host cannot
 * @throws RangeError for an unknown name, EnvironmentError where the host lacks what the build needs
 */
export async function openVariant(
  requested: string | undefined,
  open: (variant: Variant) => Promise<Instance>,
): Promise<Opened> {
  if (typeof WebAssembly !== "object") throw new EnvironmentError("no WebAssembly here");
  const variants = VARIANTS.filter((name) => requested === undefined || name === requested);
  if (variants.length === 0) {
    throw new RangeError(`"variant" expected one of ${VARIANTS.join(", ")}, got "${requested}"`);
  }
  let reason = "";
  for (const variant of variants) {
    try {
      return { variant, ...(await open(variant)) };
    } catch (error) {
      if (!(error instanceof WebAssembly.CompileError || error instanceof EnvironmentError)) throw error;
      reason = error.message;
      // what Chromium and Safari name, and Firefox
      if (/unsafe-eval|CSP/.test(reason)) {
        reason = `add 'wasm-unsafe-eval' to script-src of the page's policy, or import attendseg/js: ${reason}`;
        break;
      }
    }
  }
  throw new EnvironmentError(`this host cannot run the variant ${variants.join(", ")}: ${reason}`);
}
