import { histogram } from "../../src/mask.js";

/** The part of an image that a class covers, 0..1. */
export interface ClassShare {
  readonly id: number;
  readonly name: string;
  readonly share: number;
}

/**
 * Shares of all classes, the largest first.
 *
 * @param mask class ids
 */
export function countShares(mask: Uint8Array, classes: readonly string[]): ClassShare[] {
  const counts = histogram(mask, classes.length);
  return classes
    .map((name, id) => ({ id, name, share: counts[id]! / mask.length }))
    .sort((a, b) => b.share - a.share || a.id - b.id);
}
