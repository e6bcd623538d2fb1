/**
 * What a standalone module knows about itself, written by tools/bundle/index.ts, read by assembly/standalone.ts: a header
 * of 32-bit words below the op records, where other builds keep the words of threads, and facts between the network and
 * the arena. Plain constants only, read by the AssemblyScript compiler too.
 */

/** Of a component: address and bytes of what it says of a photo of the wrong size, UTF-8. */
export const MESSAGE_AT = 20;
export const MESSAGE_BYTES = 24;
/** Address of the record of `argmax`, the last operation. */
export const LAST_OP = 32;
/** Address of the list of class names: for each the address of its text and the bytes of it, two words. */
export const NAMES_AT = 36;
/** CRC-32 of the mask of the test image: see src/checksum.ts. */
export const CHECKSUM = 40;
/** Address of the record of an addition that shows contraction, with its right results behind it. */
export const PROBE_AT = 44;
/** Three words in which a component returns results. */
export const RESULT_AT = 48;

/** Bytes of an entry of the list of class names. */
export const NAME_BYTES = 8;

/** Additions of the probe. */
export const PROBES = 9;
