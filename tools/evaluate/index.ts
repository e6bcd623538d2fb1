/** How well masks agree with labels: the figures of `attendseg evaluate`, from a confusion matrix. */
import type { ModelInfo, Segmenter } from "../../src/index.js";
import { UserError } from "../common/errors.js";
import { startProgress } from "../common/progress.js";
import { median } from "../common/statistics.js";
import type { Frame } from "../data/frames.js";
import { IGNORED, type ReadLabels } from "../data/labels.js";
import { type DecodedImage, readImage, resizeIds } from "../image/index.js";
import type { Protocol } from "./protocol.js";

/** Figures of one class. */
export interface ClassMetrics {
  readonly name: string;
  /** Share of all labelled pixels that carry this class. */
  readonly share: number;
  /** Share of the class's pixels that were found; null where it does not occur in the labels. */
  readonly accuracy: number | null;
  /** Intersection over union; null where the class does not occur in the labels. */
  readonly iou: number | null;
}

/** Shares in 0..1. */
export interface Metrics {
  /** Every pixel counted, Void too. */
  readonly pixelAccuracy: number;
  /** Pixels labelled Void left out. */
  readonly pixelAccuracyNoVoid: number;
  /** Mean over the classes that occur in the labels, Void left out. */
  readonly meanIoU: number;
  readonly perClass: readonly ClassMetrics[];
}

/** A frame, the path of its label, and how that is read, if not like those of all others. */
export interface LabeledFrame extends Frame {
  readonly label: string;
  readonly read?: ReadLabels;
}

/** A frame with what a model makes of it. Labels and mask are class ids at the size they are compared at. */
export interface SegmentedFrame {
  readonly image: DecodedImage;
  readonly labels: Uint8Array;
  readonly mask: Uint8Array;
  /** Time of `segment` alone. */
  readonly milliseconds: number;
}

/**
 * Segments a frame and reads its label.
 *
 * @param size what both are compared at (default: the size of the network's input)
 * @throws UserError that names the file that cannot be read, or the label that differs from its frame in size
 */
export async function segmentFrame(
  segmenter: Segmenter,
  { path, label }: LabeledFrame,
  readLabels: ReadLabels,
  size?: { readonly width: number; readonly height: number },
): Promise<SegmentedFrame> {
  const { width, height } = size ?? segmenter.info;
  const image = await readImage(path);
  const labels = await readLabels(label);
  if (labels.width !== image.width || labels.height !== image.height) {
    throw new UserError(
      `${label}: ${labels.width}x${labels.height}, but its frame is ${image.width}x${image.height}`,
    );
  }
  const start = performance.now();
  const { mask } = segmenter.segment(image, { width, height });
  const milliseconds = performance.now() - start;
  const resized = resizeIds(labels.data, labels.width, labels.height, width, height);
  return { image, labels: resized, mask, milliseconds };
}

/** Share (0..1) of the labelled pixels whose class is right. */
export function agreement({ labels, mask }: SegmentedFrame): number {
  let right = 0;
  let ignored = 0;
  for (let at = 0; at < mask.length; at++) {
    if (labels[at] === mask[at]) right++;
    else if (labels[at] === IGNORED) ignored++;
  }
  return ignored < mask.length ? right / (mask.length - ignored) : 0;
}

/** What was measured of a model; keys of `attendseg evaluate --json`. */
export interface Evaluation
  extends Metrics,
    Pick<ModelInfo, "parameters" | "macs" | "weightBytes" | "memoryBytes"> {
  readonly frames: number;
  /** Median time of `segment`, mask at the size of the network's input. */
  readonly msPerFrame: number;
  readonly model: string;
  readonly fileBytes: number;
  readonly variant: string;
  readonly input: { readonly width: number; readonly height: number };
  /** Accuracy of each frame, 0..1, in the order in which they were run. */
  readonly perFrame: readonly { readonly name: string; readonly pixelAccuracy: number }[];
}

/**
 * Runs a model on labelled frames, with a progress bar.
 *
 * @param model what errors and reports call the model
 * @param fileBytes size of its file
 * @param protocol groups of classes that are compared instead of classes; labels are then read as groups
 * @throws UserError that names the frame or label at fault
 */
export async function evaluate(
  segmenter: Segmenter,
  frames: readonly LabeledFrame[],
  read: ReadLabels,
  model: string,
  fileBytes: number,
  protocol?: Protocol,
): Promise<{ evaluation: Evaluation; confusion: Confusion }> {
  const { width, height, parameters, macs, weightBytes, memoryBytes } = segmenter.info;
  const names = protocol?.names ?? segmenter.classes;
  const confusion = new Confusion(names.length);
  const times: number[] = [];
  const perFrame: { name: string; pixelAccuracy: number }[] = [];
  const progress = startProgress("frames", frames.length);
  try {
    for (const frame of frames) {
      let segmented = await segmentFrame(segmenter, frame, frame.read ?? read, protocol?.size);
      if (protocol) segmented = { ...segmented, mask: segmented.mask.map((id) => protocol.ofClass[id]!) };
      times.push(segmented.milliseconds);
      confusion.add(segmented.labels, segmented.mask);
      perFrame.push({ name: frame.name, pixelAccuracy: agreement(segmented) });
      progress.update(times.length, frame.name);
    }
  } finally {
    progress.stop();
  }
  const evaluation = {
    ...confusion.metrics(names),
    frames: times.length,
    msPerFrame: median(times),
    model,
    fileBytes,
    parameters,
    macs,
    weightBytes,
    memoryBytes,
    variant: segmenter.variant,
    input: { width, height },
    perFrame,
  };
  return { evaluation, confusion };
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

  /** Adds one frame: class ids of the same number of pixels; those labelled IGNORED count nowhere. */
  add(labels: Uint8Array, mask: Uint8Array): void {
    for (let at = 0; at < labels.length; at++) {
      if (labels[at]! < this.#classes) this.counts[labels[at]! * this.#classes + mask[at]!]!++;
    }
  }

  /** Figures so far. A pixel labelled Void still counts against the class that was predicted there. */
  metrics(names: readonly string[]): Metrics {
    const ids = names.map((_, id) => id);
    const right = ids.map((id) => this.counts[id * this.#classes + id]!);
    const labeled = ids.map((id) => sum(ids.map((other) => this.counts[id * this.#classes + other]!)));
    const predicted = ids.map((id) => sum(ids.map((other) => this.counts[other * this.#classes + id]!)));
    const known = ids.filter((id) => names[id]!.toLowerCase() !== "void");
    const present = known.filter((id) => labeled[id]! > 0);
    const iou = (id: number) => right[id]! / (labeled[id]! + predicted[id]! - right[id]!);
    const total = sum(labeled);
    return {
      pixelAccuracy: sum(right) / total,
      pixelAccuracyNoVoid: sum(known.map((id) => right[id]!)) / sum(known.map((id) => labeled[id]!)),
      meanIoU: sum(present.map(iou)) / present.length,
      perClass: ids.map((id) => ({
        name: names[id]!,
        share: labeled[id]! / total,
        accuracy: labeled[id] ? right[id]! / labeled[id]! : null,
        iou: labeled[id] ? iou(id) : null,
      })),
    };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
