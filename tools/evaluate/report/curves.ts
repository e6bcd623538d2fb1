/** What a training run wrote down about its epochs. */
import { UserError } from "../../common/errors.js";
import { readText } from "../../common/files.js";

/** A value by epoch. */
export type Curve = readonly (readonly [epoch: number, value: number])[];

/** Curves of a training run; those it does not have are empty. Accuracies are shares of 1. */
export interface Curves {
  readonly loss: Curve;
  readonly accuracy: Curve;
  readonly accuracyNoVoid: Curve;
  readonly meanIoU: Curve;
}

/**
 * Reads the log.jsonl of tools/train/train.py: an object a line with `epoch`, `loss`, and now and then `accuracy`,
 * `accuracy_no_void` and `mean_iou`. Lines that are no JSON, such as one that was cut off, are skipped.
 *
 * @throws UserError that names the file, if it holds no curve
 */
export function readCurves(path: string): Curves {
  const entries = readText(path).split("\n").map(parse);
  const curve = (key: string): Curve =>
    entries.flatMap(({ epoch, [key]: value }) => {
      return Number.isFinite(epoch) && Number.isFinite(value)
        ? [[epoch as number, value as number] as const]
        : [];
    });
  const curves = {
    loss: curve("loss"),
    accuracy: curve("accuracy"),
    accuracyNoVoid: curve("accuracy_no_void"),
    meanIoU: curve("mean_iou"),
  };
  if (Object.values(curves).every((points) => points.length === 0)) {
    throw new UserError(`${path}: no line is a JSON object with an epoch and a loss or an accuracy`);
  }
  return curves;
}

function parse(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line));
  } catch {
    return {};
  }
}
