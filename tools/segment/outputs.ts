/** What segmenting an image may write: each output is a file beside the others, named by the image and its kind. */
import { overlay, type Segmenter } from "../../src/index.js";
import type { DecodedImage } from "../image/index.js";
import { encodePng } from "../image/png-encode.js";
import { drawLegend } from "./legend.js";
import { toPolygons } from "./polygons.js";
import { toCoco } from "./rle.js";

/** Outputs that `--only` chooses among. */
export const OUTPUTS = ["mask", "overlay", "cutout", "probability", "polygons", "rle"] as const;
export type Output = (typeof OUTPUTS)[number];

/** How results are made. */
export interface OutputOptions {
  /** Of the colours laid over the image, 0..1. */
  readonly opacity: number;
  /** Class ids that overlay, cutout, polygons and RLE show; without it all. */
  readonly classes?: readonly number[];
  /** Whether the overlay has a legend; default false. */
  readonly legend?: boolean;
  /** Kind of the overlay; without it that of the image, where it is JPEG, else PNG. */
  readonly overlay?: "png" | "jpeg";
}

/** A segmented image, and what its results are marked with. */
export interface Result {
  readonly segmenter: Pick<Segmenter, "classes" | "palette">;
  readonly image: DecodedImage;
  /** Class ids [height, width]. */
  readonly mask: Uint8Array;
  /** Of the one class chosen, or of the class that wins, 0..255 [height, width]; there if it is an output. */
  readonly probabilities?: Uint8Array;
  /** File name of the image. */
  readonly photo: string;
  /** See marks.ts. */
  readonly mark: string;
}

const JPEG_NAME = /\.(jpe?g|jpe|jfif)$/i;

function isJpegOverlay(photo: string, { overlay }: OutputOptions): boolean {
  return overlay === undefined ? JPEG_NAME.test(photo) : overlay === "jpeg";
}

/** What follows the name of the image in the name of an output. */
export function suffixOf(output: Output, photo: string, options: OutputOptions): string {
  switch (output) {
    case "overlay":
      return isJpegOverlay(photo, options) ? ".overlay.jpg" : ".overlay.png";
    case "polygons":
      return ".polygons.geojson";
    case "rle":
      return ".rle.json";
    default:
      return `.${output}.png`;
  }
}

/** The bytes of an output. */
export async function render(output: Output, result: Result, options: OutputOptions): Promise<Uint8Array> {
  const { segmenter, image, mask, photo, mark } = result;
  const { width, height } = image;
  const chosen = options.classes ?? segmenter.classes.map((_, id) => id);
  switch (output) {
    case "mask":
      return encodePng({ data: mask, width, height, channels: 1 }, segmenter.palette, mark);
    case "overlay": {
      const data = overlay(image, mask, segmenter.palette, options.opacity);
      if (options.classes) keepOthers(data, image, mask, new Set(chosen));
      const laid: DecodedImage = { data, width, height, channels: 3 };
      if (options.legend) drawLegend(laid, mask, segmenter.classes, segmenter.palette, chosen);
      if (!isJpegOverlay(photo, options)) return encodePng(laid, undefined, mark);
      const { encodeJpeg } = await import("../image/jpeg-encode.js");
      return encodeJpeg(laid, mark);
    }
    case "probability":
      return encodePng({ data: result.probabilities!, width, height, channels: 1 }, undefined, mark);
    case "cutout":
      return encodePng(cutOut(image, mask, new Set(chosen)), undefined, mark);
    case "polygons":
      return encodeJson({ ...toPolygons(mask, width, height, segmenter, chosen, mark) });
    case "rle":
      return encodeJson({ ...toCoco(mask, width, height, segmenter.classes, chosen, photo, mark) });
  }
}

function encodeJson(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}

/** Gives pixels of classes that are not chosen the colours of the image again. */
function keepOthers(data: Uint8Array, image: DecodedImage, mask: Uint8Array, chosen: Set<number>): void {
  const isChosen = Uint8Array.from({ length: 256 }, (_, id) => Number(chosen.has(id)));
  for (let at = 0; at < mask.length; at++) {
    if (isChosen[mask[at]!]) continue;
    for (let c = 0; c < 3; c++) data[3 * at + c] = levelAt(image, at, c);
  }
}

/** The image where it is of a class that is chosen, transparent elsewhere: RGBA [height, width, 4]. */
function cutOut(image: DecodedImage, mask: Uint8Array, chosen: Set<number>): DecodedImage {
  const isChosen = Uint8Array.from({ length: 256 }, (_, id) => Number(chosen.has(id)));
  const data = new Uint8Array(4 * mask.length);
  for (let at = 0; at < mask.length; at++) {
    if (!isChosen[mask[at]!]) continue;
    for (let c = 0; c < 3; c++) data[4 * at + c] = levelAt(image, at, c);
    data[4 * at + 3] = 255;
  }
  return { data, width: image.width, height: image.height, channels: 4 };
}

function levelAt({ data, channels }: DecodedImage, pixel: number, channel: number): number {
  return data[pixel * channels + (channels === 1 ? 0 : channel)]!;
}
