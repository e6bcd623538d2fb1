/** Frames of a report as small images. */
import type { Color, Segmenter } from "../../../src/index.js";
import type { ReadLabels } from "../../data/labels.js";
import { type DecodedImage, resizeIds } from "../../image/index.js";
import { encodePng } from "../../image/png-encode.js";
import { type Evaluation, type LabeledFrame, segmentFrame } from "../index.js";

/** A frame with images as data: addresses. */
export interface Example {
  readonly name: string;
  /** 0..1 */
  readonly pixelAccuracy: number;
  readonly image: string;
  readonly label: string;
  readonly mask: string;
  /** The image in grey, pixels whose class is wrong in colour: `WRONG`, or `WRONG_VOID` where the label is Void. */
  readonly difference: string;
}

export const WRONG: Color = [230, 40, 60];
export const WRONG_VOID: Color = [240, 180, 40];

/** Of pixels that are not labelled. */
const NO_LABEL: Color = [255, 255, 255];

/** Longer side of an image, pixels. */
const SIDE = 320;

/**
 * The frames with the highest and with the lowest accuracy, each run again; none is in both lists.
 *
 * @param count most frames in each list
 */
export async function drawExamples(
  segmenter: Segmenter,
  frames: readonly LabeledFrame[],
  { perFrame }: Evaluation,
  readLabels: ReadLabels,
  count: number,
): Promise<{ best: Example[]; worst: Example[] }> {
  const ranked = frames
    .map((frame, at) => ({ frame, pixelAccuracy: perFrame[at]!.pixelAccuracy }))
    .sort((a, b) => a.pixelAccuracy - b.pixelAccuracy);
  const draw = async (chosen: typeof ranked): Promise<Example[]> => {
    const examples: Example[] = [];
    for (const { frame, pixelAccuracy } of chosen) {
      const images = await drawExample(segmenter, frame, readLabels);
      examples.push({ name: frame.name, pixelAccuracy, ...images });
    }
    return examples;
  };
  const worst = await draw(ranked.slice(0, count));
  const best = await draw(ranked.slice(Math.max(count, ranked.length - count)).reverse());
  return { best, worst };
}

async function drawExample(
  segmenter: Segmenter,
  frame: LabeledFrame,
  readLabels: ReadLabels,
): Promise<Omit<Example, "name" | "pixelAccuracy">> {
  const { palette, classes, info } = segmenter;
  const segmented = await segmentFrame(segmenter, frame, readLabels);
  const image = shrink(segmented.image, SIDE);
  const { width, height } = image;
  const small = (ids: Uint8Array) => resizeIds(ids, info.width, info.height, width, height);
  const [labels, mask] = [small(segmented.labels), small(segmented.mask)];
  const gray = Array.from({ length: 254 }, (_, level): Color => [level, level, level]);
  const difference = mask.map((id, pixel) => {
    const label = labels[pixel]!;
    if (id !== label && label < classes.length) return classes[label]!.toLowerCase() === "void" ? 254 : 255;
    const [r, g, b] = image.data.subarray(3 * pixel, 3 * pixel + 3) as unknown as number[];
    return Math.min(253, Math.round(0.299 * r! + 0.587 * g! + 0.114 * b!));
  });
  const index = (data: Uint8Array, colors: readonly Color[]) =>
    address(encodePng({ data, width, height, channels: 1 }, colors));
  return {
    image: address(encodePng(image)),
    label: index(
      labels.map((id) => Math.min(id, classes.length)),
      [...palette, NO_LABEL].slice(0, 256),
    ),
    mask: index(mask, palette),
    difference: index(difference, [...gray, WRONG_VOID, WRONG]),
  };
}

/**
 * An image made smaller, each pixel the mean of those that it covers; transparency is dropped.
 *
 * @param side of the result at most, pixels; smaller images keep their size
 * @returns RGB
 */
export function shrink({ data, width, height, channels }: DecodedImage, side: number): DecodedImage {
  const scale = Math.min(1, side / Math.max(width, height));
  const size = {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
  const output = new Uint8Array(size.width * size.height * 3);
  for (let y = 0; y < size.height; y++) {
    const [top, bottom] = covered(y, height, size.height);
    for (let x = 0; x < size.width; x++) {
      const [left, right] = covered(x, width, size.width);
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) {
            sum += data[(row * width + column) * channels + (channels === 1 ? 0 : c)]!;
          }
        }
        output[3 * (y * size.width + x) + c] = Math.round(sum / ((bottom - top) * (right - left)));
      }
    }
  }
  return { data: output, ...size, channels: 3 };
}

/** The source pixels, as a half-open range, that pixel `index` of `to` covers at least in part. */
function covered(index: number, from: number, to: number): [first: number, end: number] {
  return [Math.floor((index * from) / to), Math.ceil(((index + 1) * from) / to)];
}

function address(png: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}
