/** Images of the browser as images for a segmenter. */
import { EnvironmentError } from "../errors.js";

/** Names of pages in these types, for programs compiled for workers (`lib: webworker`); elsewhere they add nothing. */
declare global {
  interface CanvasRenderingContext2D {}
  interface HTMLCanvasElement {}
  interface HTMLImageElement {}
  interface HTMLVideoElement {}
}

/** What a canvas can draw. */
export type Drawable =
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas
  | ImageBitmap
  | VideoFrame;

/** Width and height in pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The size of an image as it would be drawn; 0x0 while an element has not loaded.
 */
export function sizeOf(source: Drawable): PixelSize {
  if ("displayWidth" in source) return { width: source.displayWidth, height: source.displayHeight };
  if ("videoWidth" in source) return { width: source.videoWidth, height: source.videoHeight };
  if ("naturalWidth" in source) return { width: source.naturalWidth, height: source.naturalHeight };
  return { width: source.width, height: source.height };
}

/** The largest size of the same shape with no side above `maxSide`; never larger than the image. */
export function sizeWithin({ width, height }: PixelSize, maxSide = Number.POSITIVE_INFINITY): PixelSize {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Reads pixels of one image after the other, through one canvas. Works on pages and in workers. */
export class ImageReader {
  #context: OffscreenCanvasRenderingContext2D | undefined;

  /**
   * The pixels of an image, RGBA in sRGB. Transparent pixels come out black.
   *
   * @param size to scale to; default: the image's own
   * @throws RangeError if the image has no size (an element that has not loaded), EnvironmentError without canvas
   */
  read(source: Drawable, size: PixelSize = sizeOf(source)): ImageData {
    const { width, height } = size;
    if (!(width > 0 && height > 0)) throw new RangeError(`"image" has no pixels (${width}x${height}) yet`);
    const context = (this.#context ??= makeContext());
    const { canvas } = context;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    else context.clearRect(0, 0, width, height);
    context.drawImage(source, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  }
}

/** The pixels of an image, RGBA in sRGB: see ImageReader, which is faster for more than one. */
export function readImage(source: Drawable, size?: PixelSize): ImageData {
  return new ImageReader().read(source, size);
}

/**
 * Decodes an image file to the pixels stored in it, turned upright: colour profiles are ignored, as they were
 * in training.
 *
 * @throws DOMException if the browser cannot decode it
 */
export function decodeImage(file: Blob): Promise<ImageBitmap> {
  return createImageBitmap(file, {
    colorSpaceConversion: "none",
    imageOrientation: "from-image",
    premultiplyAlpha: "none",
  });
}

function makeContext(): OffscreenCanvasRenderingContext2D {
  if (typeof OffscreenCanvas !== "function") {
    throw new EnvironmentError("this browser has no OffscreenCanvas: pass ImageData instead");
  }
  return new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
}
