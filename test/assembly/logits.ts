import * as format from "../../src/format.js";
import type { Model, Size } from "../../src/ops.js";
import { ModelBuilder, randomFilter } from "../fixtures/builder.js";
import { Random } from "../fixtures/random.js";

/** Id of the logits in the model below. */
export const LOGITS = 1;

/** input -> pointwise -> argmax, so the logits have the size of the input; int16 if they are wide. */
export function logitsModel({ height, width }: Size, classes: number, isWide: boolean, scale = 0.1): Model {
  const builder = new ModelBuilder();
  const range = isWide ? { min: -4096, max: 4095 } : { min: -128, max: 127 };
  const output = { channels: classes, scale, zero: 3, ...range };
  const options = { spread: 40, bias: "usual", weights: "usual" } as const;
  const parts = randomFilter(new Random(1), 3, builder.tensors[0]!, output, options);
  return builder.finish(builder.add(format.POINTWISE, [0], output, parts), { stride: 1, width, height });
}
