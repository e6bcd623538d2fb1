/** Segmenting videos: frame by frame, piped from one ffmpeg to another. */
import { renameSync, rmSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { MAX_IMAGE_SIDE } from "../../src/format.js";
import { overlay, type Segmenter } from "../../src/index.js";
import { UsageError, UserError } from "../common/errors.js";
import { makeFolder, stem } from "../common/files.js";
import { startProgress } from "../common/progress.js";
import { type ClassShare, countShares } from "../common/shares.js";
import { oneLine } from "../common/text.js";
import { EXACT, probeVideo, readFrames, type VideoInfo, VideoWriter, WATCHED } from "./ffmpeg.js";
import type { Output, OutputOptions } from "./outputs.js";

const VIDEO_NAME = /\.(mp4|m4v|mov|mkv|webm|avi)$/i;

/** What is to be made of a video. */
export interface VideoOptions extends OutputOptions {
  /** A video file, or the folder where NAME.overlay.mp4 or NAME.mask.mkv goes. */
  readonly output: string;
  /** `overlay` (default), or `mask`: class ids as grey levels, without loss. */
  readonly outputs?: readonly Output[];
  /** Told the shares of each frame. */
  readonly onFrame?: (frame: VideoFrame) => void;
}

/** One frame in numbers; keys of `--json-lines`. */
export interface VideoFrame {
  readonly frame: number;
  readonly width: number;
  readonly height: number;
  /** Classes that occur, the largest first; 0..1. */
  readonly shares: readonly Pick<ClassShare, "name" | "share">[];
}

/** What became of a video; keys of `--json`. */
export interface VideoReport extends VideoInfo {
  readonly video: string;
  readonly output: string;
  /** Frames a second, decoding and encoding included. */
  readonly framesPerSecond: number;
}

/** A report on a video as one line. */
export function describeVideo({
  video,
  width,
  height,
  frames,
  framesPerSecond,
  output,
}: VideoReport): string {
  const rate = framesPerSecond.toFixed(1);
  return `${oneLine(video)}: ${width}x${height}, ${frames} frames, ${rate} a second\n  -> ${oneLine(output)}\n`;
}

/** Whether a path is called like a video. */
export function isVideo(path: string): boolean {
  return VIDEO_NAME.test(path);
}

/**
 * Segments a video and writes another, with the sound of the first.
 *
 * @throws UserError if ffmpeg is not installed or fails; nothing is left behind
 */
export async function segmentVideo(
  segmenter: Segmenter,
  path: string,
  options: VideoOptions,
): Promise<VideoReport> {
  const kind = kindOf(options.outputs);
  const info = probeVideo(path);
  const { width, height } = info;
  if (Math.max(width, height) > MAX_IMAGE_SIDE)
    throw new UserError(`${path}: ${width}x${height} is too large`);
  const output = outputOf(path, kind, options.output);
  makeFolder(dirname(output));
  const temporary = join(dirname(output), `.${process.pid}.${basename(output)}`);
  const writer = new VideoWriter(temporary, path, info, kind === "mask" ? EXACT : WATCHED);
  const progress = startProgress("frames", info.frames);
  const mask = new Uint8Array(width * height);
  const start = performance.now();
  let frames = 0;
  const rate = () => (1000 * frames) / (performance.now() - start);
  try {
    for await (const data of readFrames(path, info)) {
      const image = { data, width, height, channels: 3 } as const;
      segmenter.segment(image, { out: mask });
      await writer.write(
        kind === "mask" ? mask.slice() : overlay(image, mask, segmenter.palette, options.opacity),
      );
      const { onFrame } = options;
      if (onFrame) onFrame({ frame: frames, width, height, shares: sharesOf(mask, segmenter.classes) });
      progress.update(++frames, `${rate().toFixed(1)} frames a second`);
    }
    await writer.end();
    renameSync(temporary, output);
  } finally {
    progress.stop();
    writer.stop();
    rmSync(temporary, { force: true });
  }
  return { video: path, output, ...info, frames, framesPerSecond: rate() };
}

function sharesOf(mask: Uint8Array, classes: readonly string[]): VideoFrame["shares"] {
  return countShares(mask, classes)
    .filter(({ share }) => share > 0)
    .map(({ name, share }) => ({ name, share }));
}

function kindOf(outputs: readonly Output[] = ["overlay"]): "mask" | "overlay" {
  const [kind] = outputs;
  if (outputs.length === 1 && (kind === "mask" || kind === "overlay")) return kind;
  throw new UsageError("of a video, --only takes overlay or mask");
}

function outputOf(path: string, kind: "mask" | "overlay", output: string): string {
  if (!isVideo(output)) return join(output, `${stem(path)}.${kind}${kind === "mask" ? ".mkv" : ".mp4"}`);
  if (kind === "mask" && !/\.(mkv|avi|mov)$/i.test(output)) {
    throw new UsageError(`${output}: masks without loss go into .mkv, not ${extname(output)}`);
  }
  return output;
}
