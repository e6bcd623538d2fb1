/** Masks on canvases. */
import type { Color } from "../metadata.js";
import { type Drawable, sizeOf } from "./image.js";

/** A mask of class ids, [height, width]. */
export interface MaskImage {
  readonly mask: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export type Canvas = HTMLCanvasElement | OffscreenCanvas;
export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** @throws Error if the canvas already has a context of another kind */
export function contextOf(canvas: Canvas): Context {
  const context = canvas.getContext("2d") as Context | null;
  if (!context) throw new Error("the canvas already has a context that is not 2d");
  return context;
}

/** Paints masks in the colours of their classes into one canvas, which takes the size of the mask. */
export class MaskPainter {
  readonly #context: Context;
  /** RGBA of each of the 256 ids, as words in the byte order of this machine. */
  readonly #colors = new Uint32Array(256);
  #pixels: ImageData | undefined;

  /**
   * @param canvas which may lie over the image; its opacity then is a matter of style
   * @throws Error if the canvas already has a context of another kind
   */
  constructor(canvas: Canvas, palette: readonly Color[]) {
    this.#context = contextOf(canvas);
    const levels = new Uint8Array(this.#colors.buffer);
    palette.forEach((color, id) => {
      levels.set([...color, 255], 4 * id);
    });
  }

  /**
   * Paints a mask.
   *
   * @param only the class or classes to paint, the others stay transparent; default: all
   */
  paint({ mask, width, height }: MaskImage, only?: number | readonly number[]): void {
    const context = this.#context;
    const { canvas } = context;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (this.#pixels?.width !== width || this.#pixels.height !== height) {
      this.#pixels = context.createImageData(width, height);
    }
    const words = new Uint32Array(this.#pixels.data.buffer);
    const wanted = only === undefined ? undefined : new Set(typeof only === "number" ? [only] : only);
    const colors = this.#colors.map((color, id) => (wanted?.has(id) === false ? 0 : color));
    for (let at = 0; at < words.length; at++) words[at] = colors[mask[at]!]!;
    context.putImageData(this.#pixels, 0, 0);
  }
}

/**
 * Draws an image and its mask over it into one canvas, which takes the size of the image.
 *
 * @param opacity 0 (image only) to 1 (mask only)
 * @throws RangeError if opacity is outside 0..1, Error if the canvas has a context of another kind
 */
export function drawOverlay(
  canvas: Canvas,
  source: Drawable,
  mask: MaskImage,
  palette: readonly Color[],
  opacity = 0.5,
): void {
  if (!(opacity >= 0 && opacity <= 1)) throw new RangeError(`"opacity" expected 0 to 1, got ${opacity}`);
  const context = contextOf(canvas);
  const { width, height } = sizeOf(source);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const colors = new OffscreenCanvas(mask.width, mask.height);
  new MaskPainter(colors, palette).paint(mask);
  context.globalAlpha = 1;
  context.drawImage(source, 0, 0);
  context.globalAlpha = opacity;
  context.imageSmoothingEnabled = false;
  context.drawImage(colors, 0, 0, width, height);
  context.globalAlpha = 1;
}

/** A mask in the colours of its classes as a bitmap, to be drawn and closed; `only` as MaskPainter takes it. */
export function maskBitmap(
  mask: MaskImage,
  palette: readonly Color[],
  only?: number | readonly number[],
): ImageBitmap {
  const canvas = new OffscreenCanvas(mask.width, mask.height);
  new MaskPainter(canvas, palette).paint(mask, only);
  return canvas.transferToImageBitmap();
}
