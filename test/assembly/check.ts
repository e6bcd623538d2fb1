import { referenceOp, referenceSizes } from "../../tools/reference/run.js";
import { buildCase, type Case } from "../cases/case.js";
import { Random } from "../fixtures/random.js";
import { openEngineOf, type Variant } from "../variants.js";

type Bytes = Int8Array | Uint8Array | Uint8ClampedArray | Int16Array;

/** Where two arrays first differ, as text, or `undefined` if they are equal. */
export function firstDifference(actual: Bytes, expected: Bytes): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} values, not ${expected.length}`;
  const at = expected.findIndex((value, index) => value !== actual[index]);
  if (at < 0) return undefined;
  const count = expected.filter((value, index) => value !== actual[index]).length;
  return `${actual[at]}, not ${expected[at]}, at ${at}; ${count} of ${expected.length} differ`;
}

/**
 * Runs the operation of a case among tensors full of noise and compares it with the reference.
 *
 * @param cuts rows at which the work is split, ascending; the pieces run last first
 * @returns what is wrong: a different value, or a byte written that is not the output's; `undefined` if nothing
 */
export function findFault(test: Case, variant: Variant, cuts: readonly number[] = []): string | undefined {
  const { model, height, width, opIndex, values } = buildCase(test);
  const engine = openEngineOf(variant, model, height, width);
  const op = model.ops[opIndex]!;
  const noise = new Random(opIndex);
  model.tensors.forEach((_, id) => {
    const tensor = engine.tensor(id);
    tensor.set(noise.int8(tensor.length));
  });
  op.inputs.forEach((id, slot) => {
    engine.tensor(id).set(values[slot]!);
  });
  const before = model.tensors.map((_, id) => engine.tensor(id).slice());

  const sizes = referenceSizes(model, height, width);
  const rows = sizes[op.output]!.height;
  const bounds = [0, ...cuts.filter((cut) => cut < rows), rows];
  for (let piece = bounds.length - 1; piece > 0; piece--) {
    engine.runRows(opIndex, bounds[piece - 1]!, bounds[piece]!);
  }
  for (const [id, values] of before.entries()) {
    const expected =
      id === op.output
        ? referenceOp(
            model,
            opIndex,
            op.inputs.map((id) => before[id]!),
            sizes,
          )
        : values;
    const difference = firstDifference(engine.tensor(id), expected);
    if (difference) return id === op.output ? difference : `tensor ${id} was changed: ${difference}`;
  }
  return undefined;
}
