export { EnvironmentError, ModelError } from "./errors.js";
export type { Image } from "./image.js";
export type { ModelInfo, OpInfo } from "./info.js";
export { colorize, cutout, histogram, overlay } from "./mask.js";
export type { Color, Metadata } from "./metadata.js";
export type { LoadOptions, Logits, Segmentation, SegmenterInfo, SegmentOptions } from "./segmenter.js";
export { Segmenter } from "./segmenter.js";
export type { Variant } from "./variant.js";
