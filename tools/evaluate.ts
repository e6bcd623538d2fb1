/** How well masks agree with labels: the figures of `attendseg evaluate`, from a confusion matrix. */

/** Figures of one class. */
export interface ClassScore {
  readonly name: string;
  /** Share of all labelled pixels that carry this class. */
  readonly share: number;
  /** Share of the class's pixels that were found; null where it does not occur in the labels. */
  readonly accuracy: number | null;
  /** Intersection over union; null where the class does not occur in the labels. */
  readonly iou: number | null;
}

/** Shares in 0..1. */
export interface Scores {
  /** Every pixel counted, Void too. */
  readonly pixelAccuracy: number;
  /** Pixels labelled Void left out. */
  readonly pixelAccuracyNoVoid: number;
  /** Mean over the classes that occur in the labels, Void left out. */
  readonly meanIoU: number;
  readonly perClass: readonly ClassScore[];
}

/** Counts of pixels by label and predicted class. */
export class Confusion {
  /** [label, predicted] */
  readonly counts: Float64Array;
  readonly #classes: number;

  constructor(classes: number) {
    this.#classes = classes;
    this.counts = new Float64Array(classes * classes);
  }

  /** Adds one frame: class ids of the same number of pixels. */
  add(labels: Uint8Array, mask: Uint8Array): void {
    for (let at = 0; at < labels.length; at++) this.counts[labels[at]! * this.#classes + mask[at]!]!++;
  }

  /** Figures so far. A pixel labelled Void still counts against the class that was predicted there. */
  scores(names: readonly string[]): Scores {
    const ids = names.map((_, id) => id);
    const right = ids.map((id) => this.counts[id * this.#classes + id]!);
    const labelled = ids.map((id) => sum(ids.map((other) => this.counts[id * this.#classes + other]!)));
    const predicted = ids.map((id) => sum(ids.map((other) => this.counts[other * this.#classes + id]!)));
    const known = ids.filter((id) => names[id]!.toLowerCase() !== "void");
    const present = known.filter((id) => labelled[id]! > 0);
    const iou = (id: number) => right[id]! / (labelled[id]! + predicted[id]! - right[id]!);
    const total = sum(labelled);
    return {
      pixelAccuracy: sum(right) / total,
      pixelAccuracyNoVoid: sum(known.map((id) => right[id]!)) / sum(known.map((id) => labelled[id]!)),
      meanIoU: sum(present.map(iou)) / present.length,
      perClass: ids.map((id) => ({
        name: names[id]!,
        share: labelled[id]! / total,
        accuracy: labelled[id] ? right[id]! / labelled[id]! : null,
        iou: labelled[id] ? iou(id) : null,
      })),
    };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
