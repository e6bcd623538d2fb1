/** How a process times one inference. */
import type { Engine, Mask } from "./engine.js";

/** Milliseconds of inferences before the one that is timed. */
export const LEAD = 30;

/**
 * Inferences for `LEAD` milliseconds, then one that is timed, as in a stream of images: caches are warm, and a core that
 * slept meanwhile has taken up its thread, which virtual machines take some 10 ms for.
 *
 * @param isSlow time the first inference
 * @returns wall time of the timed one, milliseconds, its mask, and how many ran in all
 */
export async function timedRun(
  engine: Engine,
  levels: Uint8Array,
  isSlow = false,
): Promise<{ wall: number; mask: Mask; count: number }> {
  let count = 1;
  const begin = performance.now();
  while (!isSlow && performance.now() < begin + LEAD) {
    await engine.run(levels);
    count++;
  }
  const start = performance.now();
  const mask = await engine.run(levels);
  return { wall: performance.now() - start, mask, count };
}
