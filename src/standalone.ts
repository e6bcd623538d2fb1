/**
 * Header of a standalone module: 32-bit words at the end of its memory, written by tools/bundle/index.ts, read by
 * assembly/standalone.ts. Plain constants only, read by the AssemblyScript compiler too.
 */
export const HEADER_BYTES = 16;
/** Address of the record of `argmax`, the last operation. */
export const LAST_OP = 0;
/** Address of the mask, uint8 [height, width]. */
export const MASK_AT = 4;
/** Address of the list of class names: for each the address of its text and the bytes of it, two words. */
export const NAMES_AT = 8;
/** CRC-32 of the mask of the test picture: see src/checksum.ts. */
export const CHECKSUM = 12;

/** Bytes of an entry of the list of class names. */
export const NAME_BYTES = 8;
