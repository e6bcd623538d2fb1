/** What a conversion says of itself, and when it is refused for what it lost. */
import type { Model } from "../../src/ops.js";
import { ConvertError } from "./errors.js";
import type { LoadedFile } from "./load.js";
import type { Trial } from "./quantize/search.js";
import type { LogitsDifference, TensorDifference } from "./quantize/sqnr.js";

/** What a conversion has to tell; keys of `attendseg convert --json`. */
export interface ConvertReport {
  readonly kind: "float" | "quantized";
  readonly format: LoadedFile["format"];
  readonly opset: number;
  readonly nodes: number;
  readonly operations: number;
  /** Images calibrated on. */
  readonly pictures: number;
  /** The way that a float file was quantized, and all that were tried. */
  readonly chosen?: Trial;
  readonly trials: readonly Trial[];
  /** Of a quantised file, where there were images: how far its logits are from those of onnxruntime. */
  readonly difference?: LogitsDifference;
  /** On one image, worst first; empty for a quantised file. */
  readonly tensors: readonly TensorDifference[];
  /** What could not be kept exactly, or was decided. */
  readonly notes: readonly string[];
  /** All outputs of the file, and the one that is kept. */
  readonly outputs: readonly string[];
  readonly keptOutput: string;
}

/** A model, its bytes, and what there is to tell. */
export interface Converted {
  readonly model: Model;
  readonly bytes: Uint8Array;
  readonly report: ConvertReport;
}

/** SQNR of the logits in decibels: below the first a conversion fails, below the second it is doubtful. */
const LEAST_DECIBELS = 10;
const GOOD_DECIBELS = 15;

/** Refuses a model that gives noise, and notes where a doubtful one loses most. */
export function expectSqnr(
  decibels: number,
  tensors: ConvertReport["tensors"],
  notes: string[],
  isForced: boolean,
): void {
  if (!(decibels < GOOD_DECIBELS)) return;
  const lossy = tensors.filter((tensor) => tensor.decibels < GOOD_DECIBELS + 5);
  const first = lossy.reduce<(typeof lossy)[number] | undefined>(
    (a, b) => (a && a.index < b.index ? a : b),
    undefined,
  );
  const where = first
    ? `; the loss begins at "${first.name}" (${first.operation}, ${first.decibels.toFixed(1)} dB)`
    : "";
  const text =
    decibels === -Infinity
      ? "the logits are the same for every pixel and image"
      : `the logits are only ${decibels.toFixed(1)} dB above the noise of quantisation${where}`;
  if (decibels < LEAST_DECIBELS && !isForced) {
    throw new ConvertError(
      `${text}; calibrate with images like those it will see, or keep it nevertheless (--force)`,
    );
  }
  notes.push(text);
}
