/** What comparing needs whatever the kind of the ONNX file. */
import type { Model, Size, Values } from "../../src/ops.js";
import { logitsOf } from "../common/engine.js";
import type { Normalization } from "../convert/feed.js";
import type { TensorDifference } from "../convert/quantize/sqnr.js";
import { referenceMask, referenceSizes } from "../reference/run.js";

/** Runs a whole model: every tensor by id, [height, width, channels]. */
export type RunModel = (model: Model, input: Int8Array, height: number, width: number) => Values[];

export interface CompareOptions extends Normalization {
  /** Folder of the ONNX file's external data. */
  readonly folder?: string;
  /** What runs the model file; the reference by default. */
  readonly run?: RunModel;
  readonly onImage?: (done: number) => void;
}

/** One operation of a quantised model, given onnxruntime's own input tensors, so that errors do not add up. */
export interface OperationDifference {
  readonly index: number;
  readonly operation: string;
  /** Name of the output tensor. */
  readonly name: string;
  /** Values compared over all images; 0 where the ONNX file does not hold the same tensors. */
  readonly values: number;
  readonly differing: number;
  /** Largest difference in steps of the output's scale. */
  readonly largest: number;
}

/** In the order of the model file; one of the two is empty, by the kind of the ONNX file. */
export interface Differences {
  readonly operations: readonly OperationDifference[];
  readonly tensors: readonly TensorDifference[];
}

/** Compares a model with an ONNX file that is open in onnxruntime. */
export interface Comparator {
  /** @param image RGB levels [height, width, 3] at the model's default size */
  add(image: Uint8Array): Promise<void>;
  differences(): Differences;
  release(): Promise<void>;
}

/** Counts the pixels on which two sets of logits agree, as masks of the input's size. */
export class MaskAgreement {
  readonly #model: Model;
  readonly #size: Size;
  #same = 0;
  #pixels = 0;

  constructor(model: Model) {
    this.#model = model;
    this.#size = referenceSizes(model, model.height, model.width)[logitsOf(model)]!;
  }

  /** @param theirs integers or real, [height, width, classes] as ours */
  add(ours: Values, theirs: Values | Float32Array): void {
    const { height, width, tensors } = this.#model;
    const { channels } = tensors[logitsOf(this.#model)]!;
    // The reference only reads numbers, so it takes real logits as well.
    const [a, b] = [ours, theirs as Values].map((logits) =>
      referenceMask(logits, this.#size, channels, height, width),
    );
    this.#pixels += a!.length;
    a!.forEach((value, at) => {
      if (value === b![at]) this.#same++;
    });
  }

  /** 0..1; 1 where nothing was compared. */
  get share(): number {
    return this.#pixels > 0 ? this.#same / this.#pixels : 1;
  }
}
