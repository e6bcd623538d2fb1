import { EnvironmentError } from "./errors.js";

/** Builds of the engine, fastest first. All give the same bytes. */
export const VARIANTS = ["simd", "scalar"] as const;
export type Variant = (typeof VARIANTS)[number];

/** A module with one function that makes a vector: valid only where SIMD is. */
const SIMD_PROBE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b],
);

/**
 * The build to use: the one asked for, else the fastest that this host can run.
 *
 * @throws RangeError for an unknown name, EnvironmentError where the host lacks what the build needs
 */
export function chooseVariant(asked?: string): Variant {
  if (typeof WebAssembly !== "object") throw new EnvironmentError("this host has no WebAssembly");
  const simd = WebAssembly.validate(SIMD_PROBE);
  if (asked === undefined) return simd ? "simd" : "scalar";
  const variant = VARIANTS.find((name) => name === asked);
  if (!variant) throw new RangeError(`"variant" expected one of ${VARIANTS.join(", ")}, got "${asked}"`);
  if (variant === "simd" && !simd) {
    throw new EnvironmentError('this host has no WebAssembly SIMD: use the variant "scalar"');
  }
  return variant;
}
