import { MAX_SIDE } from "../../../src/format.js";
import type { Model } from "../../../src/model.js";
import { inferSizes } from "../../../src/shape.js";
import { greatestDivisor } from "../passes/resize.js";

/** Sizes next to each other that are tried. */
const TRIED = 4;
const LARGEST = 256;

/**
 * The smallest number that width and height of the input can be multiples of: for every multiple (four from the
 * default size on are tried) all operations fit, and each tensor grows by the same number of pixels a step. The
 * common divisor of width and height if there is none, so that the default size at least is valid.
 *
 * @param height default input size in pixels; so is `width`
 */
export function strideOf(model: Pick<Model, "tensors" | "ops">, height: number, width: number): number {
  const common = greatestDivisor(height, width);
  for (let stride = 1; stride <= Math.min(common, LARGEST); stride++) {
    if (common % stride === 0 && isRegular(model, height, width, stride)) return stride;
  }
  return common;
}

function isRegular(
  model: Pick<Model, "tensors" | "ops">,
  height: number,
  width: number,
  stride: number,
): boolean {
  const sign = Math.max(height, width) + TRIED * stride > MAX_SIDE ? -1 : 1;
  try {
    const sizes = Array.from({ length: TRIED }, (_, step) =>
      inferSizes(model, height + sign * step * stride, width + sign * step * stride),
    );
    return sizes[0]!.every((_, id) =>
      (["height", "width"] as const).every((side) => {
        const step = sizes[1]![id]![side] - sizes[0]![id]![side];
        return sizes.every((at, k) => at[id]![side] === sizes[0]![id]![side] + k * step);
      }),
    );
  } catch {
    return false;
  }
}
