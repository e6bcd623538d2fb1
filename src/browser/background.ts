/** Foreground classes kept, everything else blurred or replaced: on canvases and in streams of video frames. */
import type { AsyncSegmenter } from "./async-segmenter.js";
import { type Drawable, type PixelSize, sizeOf } from "./image.js";
import { type Canvas, type Context, contextOf, type MaskImage, MaskPainter } from "./overlay.js";

/** What stands behind the foreground. */
export interface BackgroundOptions {
  /** Class ids of the foreground. */
  readonly classes: readonly number[];
  /** Blur of the background, pixels of the image; default 16. Without effect where `background` is given. */
  readonly blur?: number | undefined;
  /** Stands in for the background: an image, stretched over the canvas, or a CSS color. */
  readonly background?: Drawable | string | undefined;
}

/** Draws images with their background blurred or replaced; keeps its canvases from one to the next. */
export class BackgroundPainter {
  readonly #context: Context;
  readonly #options: BackgroundOptions;
  readonly #matte = new OffscreenCanvas(1, 1);
  readonly #painter = new MaskPainter(this.#matte, WHITE);
  readonly #small = new OffscreenCanvas(1, 1);

  /**
   * @param canvas which takes the size of the images
   * @throws Error if the canvas has a context of another kind, RangeError if the blur is not 1 to 256 pixels
   */
  constructor(canvas: Canvas, options: BackgroundOptions) {
    const { blur = 16 } = options;
    if (!(blur >= 1 && blur <= 256)) throw new RangeError(`"blur" expected 1 to 256, got ${blur}`);
    this.#context = contextOf(canvas);
    this.#options = options;
  }

  /** Draws an image; its mask may have another size. */
  paint(source: Drawable, mask: MaskImage): void {
    const context = this.#context;
    const { canvas } = context;
    const size = sizeOf(source);
    setSize(canvas, size);
    const { width, height } = size;
    context.globalCompositeOperation = "copy";
    this.#painter.paint(mask, this.#options.classes);
    context.drawImage(this.#matte, 0, 0, width, height);
    context.globalCompositeOperation = "source-in";
    context.drawImage(source, 0, 0, width, height);
    context.globalCompositeOperation = "destination-over";
    this.#paintBackground(source, size);
    context.globalCompositeOperation = "source-over";
  }

  #paintBackground(source: Drawable, { width, height }: PixelSize): void {
    const context = this.#context;
    const { background, blur = 16 } = this.#options;
    if (typeof background === "string") {
      context.fillStyle = background;
      context.fillRect(0, 0, width, height);
    } else if (background) {
      context.drawImage(background, 0, 0, width, height);
    } else {
      // smaller and larger again: no browser lacks it, and it takes a fraction of a filter's time
      setSize(this.#small, { width: Math.ceil(width / blur), height: Math.ceil(height / blur) });
      const small = contextOf(this.#small);
      small.imageSmoothingQuality = "high";
      small.drawImage(source, 0, 0, this.#small.width, this.#small.height);
      context.imageSmoothingQuality = "high";
      context.drawImage(this.#small, 0, 0, width, height);
    }
  }
}

/** A palette in which every class is white. */
const WHITE = Array.from({ length: 256 }, () => [255, 255, 255] as const);

function setSize(canvas: Canvas, { width, height }: PixelSize): void {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}

/** Draws an image with its background blurred: see BackgroundPainter, which is faster for more than one. */
export function blurBackground(
  canvas: Canvas,
  source: Drawable,
  mask: MaskImage,
  classes: readonly number[],
  blur?: number,
): void {
  new BackgroundPainter(canvas, { classes, blur }).paint(source, mask);
}

/** Draws an image with another background, an image or a CSS color. */
export function replaceBackground(
  canvas: Canvas,
  source: Drawable,
  mask: MaskImage,
  classes: readonly number[],
  background: Drawable | string,
): void {
  new BackgroundPainter(canvas, { classes, background }).paint(source, mask);
}

/**
 * A stream that takes video frames, such as a MediaStreamTrackProcessor's, and gives them with their background
 * blurred or replaced, for a MediaStreamTrackGenerator, WebRTC or an encoder. It closes the frames it takes; who reads
 * closes those it gives. While the network is busy nothing is taken, so a camera drops frames by itself.
 */
export function backgroundStream(
  segmenter: Pick<AsyncSegmenter, "segmentAsync">,
  options: BackgroundOptions,
): TransformStream<VideoFrame, VideoFrame> {
  const canvas = new OffscreenCanvas(1, 1);
  const painter = new BackgroundPainter(canvas, options);
  return new TransformStream<VideoFrame, VideoFrame>(
    {
      async transform(taken, controller) {
        const { timestamp } = taken;
        const duration = taken.duration ?? undefined;
        const { frame, ...mask } = await segmenter.segmentAsync(taken, { keepFrame: true });
        try {
          painter.paint(frame!, mask);
        } finally {
          frame!.close();
        }
        controller.enqueue(
          new VideoFrame(canvas, duration === undefined ? { timestamp } : { timestamp, duration }),
        );
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
}
