/** Video through ffmpeg, as raw frames in pipes. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { UserError } from "../common/errors.js";

/** What ffprobe tells of a video. */
export interface VideoInfo {
  /** Pixels, as it is shown: turned upright. */
  readonly width: number;
  readonly height: number;
  /** Frames a second, as a fraction such as "30000/1001". */
  readonly rate: string;
  /** Frames, 0 where that is not known. */
  readonly frames: number;
}

/** Only files: a playlist could otherwise make ffmpeg ask other machines. */
const SAFE = ["-protocol_whitelist", "file,pipe"];
const QUIET = ["-v", "error", "-nostdin"];

/** A path that ffmpeg takes for no option and no address. */
const fileOf = (path: string): string => `file:${path}`;

/**
 * Size, rate and length of a video.
 *
 * @throws UserError if ffmpeg is not installed or cannot read the file
 */
export function probeVideo(path: string): VideoInfo {
  const entries =
    "stream=width,height,avg_frame_rate,r_frame_rate,nb_frames,duration:stream_side_data=rotation";
  const words = [
    "-v",
    "error",
    ...SAFE,
    "-select_streams",
    "v:0",
    "-show_entries",
    `${entries}:format=duration`,
  ];
  const { error, status, stdout, stderr } = spawnSync(
    "ffprobe",
    [...words, "-of", "json", "-i", fileOf(path)],
    {
      maxBuffer: 1 << 24,
    },
  );
  if (error) throw new UserError(`${path}: video takes ffmpeg and ffprobe, which are not installed`);
  const { streams = [], format = {} } = status === 0 ? JSON.parse(stdout.toString()) : {};
  const [stream] = streams;
  if (!stream) {
    const reason = lastLine(stderr.toString()) || "there is no video in it";
    throw new UserError(`${path}: ffmpeg cannot read this: ${reason}`);
  }
  const isTurned = Math.abs(stream.side_data_list?.[0]?.rotation ?? 0) % 180 === 90;
  const [width, height] = isTurned ? [stream.height, stream.width] : [stream.width, stream.height];
  const rate = [stream.avg_frame_rate, stream.r_frame_rate].find((text) => framesPerSecond(text) > 0);
  if (!(width > 0 && height > 0) || rate === undefined) {
    throw new UserError(`${path}: ffmpeg tells no size or frame rate of this video`);
  }
  const seconds = Number(stream.duration ?? format.duration ?? 0) || 0;
  const frames = Number(stream.nb_frames) || Math.round(seconds * framesPerSecond(rate));
  return { width, height, rate, frames };
}

function framesPerSecond(rate: string): number {
  const [frames, seconds] = String(rate).split("/").map(Number);
  return frames! / (seconds ?? 1) || 0;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** A running ffmpeg whose complaints are kept. */
class Ffmpeg {
  readonly process: ChildProcess;
  readonly #path: string;
  #complaints = "";
  readonly ended: Promise<unknown>;

  constructor(words: readonly string[], path: string, stdio: ["pipe" | "ignore", "pipe" | "ignore"]) {
    this.#path = path;
    this.process = spawn("ffmpeg", [...QUIET, ...words], { stdio: [...stdio, "pipe"] });
    this.process.stderr!.on("data", (part) => {
      this.#complaints = (this.#complaints + part).slice(-2000);
    });
    this.process.stdin?.on("error", () => {});
    this.ended = once(this.process, "close");
    this.ended.catch(() => {});
  }

  /** @throws UserError unless it ended well */
  async end(): Promise<void> {
    try {
      await this.ended;
    } catch {
      throw new UserError(`${this.#path}: video takes ffmpeg, which is not installed`);
    }
    const { exitCode } = this.process;
    if (exitCode === 0) return;
    throw new UserError(
      `${this.#path}: ffmpeg failed: ${lastLine(this.#complaints) || `exit code ${exitCode}`}`,
    );
  }
}

/**
 * The frames of a video at a constant rate, one after the other.
 *
 * @returns RGB [height, width, 3] each; the array is used again for the next one
 * @throws UserError if ffmpeg fails
 */
export async function* readFrames(
  path: string,
  { width, height, rate }: VideoInfo,
): AsyncGenerator<Uint8Array> {
  const source = [...SAFE, "-i", fileOf(path), "-map", "0:v:0", "-fps_mode", "cfr", "-r", rate];
  const raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "pipe:1"];
  const ffmpeg = new Ffmpeg([...source, ...raw], path, ["ignore", "pipe"]);
  const frame = new Uint8Array(width * height * 3);
  let filled = 0;
  try {
    for await (const part of ffmpeg.process.stdout as Readable as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < part.length; ) {
        const take = Math.min(part.length - at, frame.length - filled);
        frame.set(part.subarray(at, at + take), filled);
        at += take;
        filled += take;
        if (filled < frame.length) continue;
        yield frame;
        filled = 0;
      }
    }
    await ffmpeg.end();
  } finally {
    ffmpeg.process.kill();
  }
}

/** How the frames of a written video are given, and how it is coded. */
export interface WrittenVideo {
  readonly pixels: "rgb24" | "gray";
  /** Words for ffmpeg. */
  readonly codec: readonly string[];
}

/** H.264 as every player takes it, with even sides. */
export const WATCHED: WrittenVideo = {
  pixels: "rgb24",
  codec: "-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p -vf pad=ceil(iw/2)*2:ceil(ih/2)*2".split(
    " ",
  ),
};

/** Without loss: grey levels that are class ids. */
export const EXACT: WrittenVideo = { pixels: "gray", codec: ["-c:v", "ffv1", "-pix_fmt", "gray"] };

/** A video that is being written, with the sound of another. */
export class VideoWriter {
  readonly #ffmpeg: Ffmpeg;

  /**
   * @param path where to; its extension chooses the container
   * @param source the video whose sound is kept
   */
  constructor(
    path: string,
    source: string,
    { width, height, rate }: VideoInfo,
    { pixels, codec }: WrittenVideo,
  ) {
    const raw = [
      "-f",
      "rawvideo",
      "-pix_fmt",
      pixels,
      "-s",
      `${width}x${height}`,
      "-r",
      rate,
      "-i",
      "pipe:0",
    ];
    const sound = [...SAFE, "-i", fileOf(source), "-map", "0:v", "-map", "1:a?", "-c:a", "copy"];
    this.#ffmpeg = new Ffmpeg(["-y", ...raw, ...sound, ...codec, fileOf(path)], path, ["pipe", "ignore"]);
  }

  /**
   * @param frame is kept until it has gone out
   * @throws UserError if ffmpeg has failed
   */
  async write(frame: Uint8Array): Promise<void> {
    const { process } = this.#ffmpeg;
    if (!process.stdin!.write(frame)) await Promise.race([once(process.stdin!, "drain"), this.#ffmpeg.ended]);
    if (process.exitCode !== null) await this.#ffmpeg.end();
  }

  /** @throws UserError if ffmpeg fails */
  async end(): Promise<void> {
    this.#ffmpeg.process.stdin!.end();
    await this.#ffmpeg.end();
  }

  /** Gives up. */
  stop(): void {
    this.#ffmpeg.process.kill();
  }
}
