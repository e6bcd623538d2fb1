/** Live segmentation: the newest frame wins, none waits in a queue, all are closed. */
import type { AsyncSegmenter } from "./async-segmenter.js";
import { sizeOf, sizeWithin } from "./image.js";
import type { AsyncSegmentation, Frame } from "./protocol.js";

/** Between two looks whether a video still has a source. */
const WATCH_MILLISECONDS = 200;

/** States of media elements, by the standard. */
const HAVE_CURRENT_DATA = 2;
const NETWORK_EMPTY = 0;

/** What a stream takes beside its source. */
export interface StreamOptions {
  /** Ends the stream: the iterator throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Frames of a video element larger than this on a side are reduced to it, pixels; default: never. */
  readonly maxSide?: number | undefined;
}

/** One frame and its mask. The frame is closed when the next one is asked for. */
export interface StreamedFrame extends AsyncSegmentation {
  readonly frame: Frame;
  /** Frames passed over since the last one, because they came while the network was busy. */
  readonly dropped: number;
}

/** Where frames come from. */
export interface FrameSource {
  /** The newest frame not yet taken, as soon as there is one; undefined at the end. */
  next(): Promise<{ frame: Frame; dropped: number } | undefined>;
  /** Ends the source; a `next` that waits gives undefined. */
  close(): void;
}

/** A place for one thing: what is put in replaces, and closes, what was waiting. */
export class NewestSlot<T extends { close(): void }> {
  #waiting: T | undefined;
  #take: ((thing: T | undefined) => void) | undefined;
  #ended = false;
  #error: unknown;
  /** Things replaced since the last one was taken. */
  #dropped = 0;

  put(thing: T): void {
    if (this.#ended) {
      thing.close();
    } else if (this.#take) {
      this.#take(thing);
      this.#take = undefined;
    } else {
      if (this.#waiting) this.#dropped++;
      this.#waiting?.close();
      this.#waiting = thing;
    }
  }

  /** The newest thing, now or once there is one; undefined after the end. One caller at a time. */
  async take(): Promise<{ thing: T; dropped: number } | undefined> {
    let thing = this.#waiting;
    this.#waiting = undefined;
    if (!thing && !this.#ended) thing = await new Promise((resolve) => (this.#take = resolve));
    if (thing) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      return { thing, dropped };
    }
    if (this.#error !== undefined) throw this.#error;
    return undefined;
  }

  /** Nothing will come any more: with `discard` what waits is closed as well; with an error, `take` throws it. */
  end({ discard = false, error }: { discard?: boolean; error?: unknown } = {}): void {
    if (!this.#ended) this.#error = error;
    this.#ended = true;
    this.#take?.(undefined);
    this.#take = undefined;
    if (!discard) return;
    this.#waiting?.close();
    this.#waiting = undefined;
  }
}

/**
 * Segments a video, a camera or a stream of frames, frame after frame, and drops those that come meanwhile:
 *
 *   for await (const { frame, mask } of segmentStream(segmenter, video)) draw(frame, mask);
 *
 * It ends with the video, its camera or the stream, when the loop is left, or when the signal fires. The source itself goes on.
 *
 * @throws the signal's reason, an error of the source, or whatever `segmentAsync` throws
 */
export async function* segmentStream(
  segmenter: Pick<AsyncSegmenter, "segmentAsync">,
  source: HTMLVideoElement | ReadableStream<Frame> | FrameSource,
  { signal, maxSide }: StreamOptions = {},
): AsyncGenerator<StreamedFrame, void, void> {
  signal?.throwIfAborted();
  const frames = openSource(source, maxSide);
  const onAbort = () => frames.close();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for (let next = await frames.next(); next; next = await frames.next()) {
      const { frame, ...result } = await segmenter.segmentAsync(next.frame, { keepFrame: true, signal });
      try {
        yield { ...result, frame: frame!, dropped: next.dropped };
      } finally {
        frame!.close();
      }
      signal?.throwIfAborted();
    }
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener("abort", onAbort);
    frames.close();
  }
}

function openSource(
  source: HTMLVideoElement | ReadableStream<Frame> | FrameSource,
  maxSide?: number,
): FrameSource {
  if ("getReader" in source) return streamSource(source);
  if ("videoWidth" in source) return videoSource(source, maxSide);
  return source;
}

/** Frames of a readable stream, such as a MediaStreamTrackProcessor's. */
function streamSource(stream: ReadableStream<Frame>): FrameSource {
  const reader = stream.getReader();
  const slot = new NewestSlot<Frame>();
  const pump = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) slot.put(part.value);
  };
  pump().then(
    () => slot.end(),
    (error) => slot.end({ error }),
  );
  return {
    async next() {
      const taken = await slot.take();
      return taken && { frame: taken.thing, dropped: taken.dropped };
    },
    close() {
      slot.end({ discard: true });
      void reader.cancel().catch(() => {});
    },
  };
}

/** Frames of a video element: it always shows the newest, so one is copied only when asked for. */
function videoSource(video: HTMLVideoElement, maxSide?: number): FrameSource {
  const slot = new NewestSlot<{ close(): void }>();
  const stopWatching = watchFrames(video, () => slot.put({ close() {} }));
  const onEnded = () => slot.end();
  // a camera that stops, or is taken away, tells nobody
  let hadSource = hasSource(video);
  const timer = setInterval(() => {
    const has = hasSource(video);
    if (hadSource && !has) slot.end({ discard: true });
    hadSource ||= has;
  }, WATCH_MILLISECONDS);
  const onError = () => slot.end({ error: new Error(video.error?.message || "the video cannot be played") });
  video.addEventListener("ended", onEnded);
  video.addEventListener("error", onError);
  return {
    async next() {
      const taken = await slot.take();
      if (!taken) return undefined;
      const size = sizeOf(video);
      if (!(size.width > 0 && size.height > 0)) return undefined;
      const { width, height } = sizeWithin(size, maxSide);
      const resize = width === size.width ? {} : { resizeWidth: width, resizeHeight: height };
      return { frame: await createImageBitmap(video, resize), dropped: taken.dropped };
    },
    close() {
      slot.end({ discard: true });
      clearInterval(timer);
      stopWatching();
      video.removeEventListener("ended", onEnded);
      video.removeEventListener("error", onError);
    },
  };
}

/** Whether a video has anything to play: an address, or a stream with a track that still runs. */
function hasSource({ srcObject, currentSrc, networkState }: HTMLVideoElement): boolean {
  if (!srcObject) return currentSrc !== "" && networkState !== NETWORK_EMPTY;
  const { getVideoTracks } = srcObject as Partial<MediaStream>;
  return !getVideoTracks || getVideoTracks.call(srcObject).some(({ readyState }) => readyState === "live");
}

/** Tells of every frame that a video shows, the one it shows now among them; returns how to stop. */
function watchFrames(video: HTMLVideoElement, onFrame: () => void): () => void {
  let stopped = false;
  if (video.readyState >= HAVE_CURRENT_DATA) onFrame();
  if ("requestVideoFrameCallback" in video) {
    let handle = video.requestVideoFrameCallback(function tell() {
      if (stopped) return;
      handle = video.requestVideoFrameCallback(tell);
      onFrame();
    });
    return () => {
      stopped = true;
      video.cancelVideoFrameCallback(handle);
    };
  }
  const element: HTMLVideoElement = video;
  let shown = -1;
  const look = () => {
    if (stopped) return;
    if (element.currentTime !== shown && element.readyState >= HAVE_CURRENT_DATA) onFrame();
    shown = element.currentTime;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  return () => {
    stopped = true;
  };
}
