/** Segmentation on web pages: in a worker, of images, videos and cameras, onto canvases. */
export type { AsyncLoadOptions, AsyncSegmentOptions } from "./async-segmenter.js";
export { AsyncSegmenter } from "./async-segmenter.js";
export type { BackgroundOptions } from "./background.js";
export { BackgroundPainter, backgroundStream, blurBackground, replaceBackground } from "./background.js";
export type { Drawable, PixelSize } from "./image.js";
export { decodeImage, ImageReader, readImage, sizeOf, sizeWithin } from "./image.js";
export type { Canvas, MaskImage } from "./overlay.js";
export { drawOverlay, MaskPainter, maskBitmap } from "./overlay.js";
export type { AsyncSegmentation, AsyncSegmenterInfo, Endpoint, Frame } from "./protocol.js";
export type { StoreOptions } from "./store.js";
export { fetchModel, forgetModels } from "./store.js";
export type { FrameSource, StreamedFrame, StreamOptions } from "./stream.js";
export { segmentStream } from "./stream.js";
export type { ThreadSupport } from "./threads.js";
export { threadSupport } from "./threads.js";
