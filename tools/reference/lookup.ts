/**
 * Any function of one value:
 *   output[y, x, c] = table[input[y, x, c] + 128]
 *
 * input   int8 [height, width, channels]
 * table   int8 [256]
 * output  int8 [height, width, channels]
 */
import type { Op, Values } from "../../src/ops.js";
import type { Activation } from "./activation.js";

export function lookup(op: Op, [input]: readonly Activation[]): Values {
  return input!.values.map((q) => op.table[q + 128]!);
}
