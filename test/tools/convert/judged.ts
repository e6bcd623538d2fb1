/** A conversion judged by what users see: masks and scores of the file's own output, as onnxruntime gives them. */
import * as ort from "onnxruntime-web";
import { Segmenter } from "../../../src/segmenter.js";
import { type Converted, type ConvertOptions, convert } from "../../../tools/convert/index.js";
import { images } from "./onnx-builder.js";

ort.env.wasm.numThreads = 1;

export interface JudgeOptions extends ConvertOptions {
  /** What the file's input is fed with for an image of levels 0..255, [height, width, 3]; default: 0..1, planes. */
  readonly feed?: (image: Uint8Array) => ort.Tensor;
  /** Class of each pixel of the file's output [.., height, width]; default: the largest channel, or the ids themselves. */
  readonly classesOf?: (output: ort.Tensor) => ArrayLike<number>;
}

export interface Judged extends Converted {
  /** Share of the pixels of the mask that have the class of the float file. */
  readonly agreement: number;
  /** SQNR of the scores, class means removed; NaN where the output is no scores of the model's size. */
  readonly decibels: number;
}

const SIDE = 64;

/** An image as planes of red, green and blue in 0..1. */
export function planes(image: Uint8Array): ort.Tensor {
  const pixels = image.length / 3;
  const data = Float32Array.from({ length: image.length }, (_, at) => {
    return image[3 * (at % pixels) + Math.floor(at / pixels)]! / 255;
  });
  return new ort.Tensor("float32", data, [1, 3, SIDE, SIDE]);
}

/** Converts a float file at 8 bits and compares it with onnxruntime on other images than it was calibrated on. */
export async function judge(bytes: Uint8Array, options: JudgeOptions = {}): Promise<Judged> {
  const { feed = planes, classesOf = largestOf, ...rest } = options;
  const converted = await convert(bytes, {
    calibration: images(6, SIDE, SIDE),
    activationBits: 8,
    size: { width: SIDE, height: SIDE },
    ...rest,
  });
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 });
  using segmenter = await Segmenter.load(converted.bytes);
  const output = rest.output ?? session.outputNames[0]!;
  const wanted: number[] = [];
  const got: number[] = [];
  let same = 0;
  let pixels = 0;
  for (const image of images(3, SIDE, SIDE, 99)) {
    const result = (await session.run({ [session.inputNames[0]!]: feed(image) }, [output]))[output]!;
    const [height, width] = result.dims.slice(-2);
    const size = { width: width!, height: height! };
    const made = segmenter.segment({ data: image, width: SIDE, height: SIDE }, { ...size, logits: true });
    const classes = classesOf(result);
    made.mask.forEach((id, at) => {
      if (id === Number(classes[at])) same++;
      pixels++;
    });
    const logits = made.logits!;
    if (result.dims.length === 4 && result.dims[1] === logits.classes && height === logits.height) {
      const plane = logits.height * logits.width;
      for (let c = 0; c < logits.classes; c++) {
        const list = (result.data as Float32Array).subarray(c * plane, (c + 1) * plane);
        const mean = list.reduce((sum, value) => sum + value, 0) / plane;
        for (let at = 0; at < plane; at++) {
          wanted.push(list[at]! - mean);
          got.push(logits.scale * (logits.data[at * logits.classes + c]! - logits.zero) - mean);
        }
      }
    }
  }
  await session.release();
  const signal = wanted.reduce((sum, value) => sum + value ** 2, 0);
  const noise = wanted.reduce((sum, value, at) => sum + (value - got[at]!) ** 2, 0);
  const decibels = wanted.length > 0 ? 10 * Math.log10(signal / noise) : Number.NaN;
  return { ...converted, agreement: same / pixels, decibels };
}

function largestOf({ dims, data }: ort.Tensor): ArrayLike<number> {
  if (data instanceof BigInt64Array) return Array.from(data, Number);
  const [, channels, height, width] = dims as [number, number, number, number];
  const plane = height * width;
  const values = data as Float32Array;
  return Array.from({ length: plane }, (_, at) => {
    if (channels === 1) return Number(values[at]! > 0.5);
    let best = 0;
    for (let c = 1; c < channels; c++) if (values[c * plane + at]! > values[best * plane + at]!) best = c;
    return best;
  });
}
