import { describe, expect, test } from "vitest";
import type { AsyncSegmentOptions } from "../../../src/browser/async-segmenter.js";
import type { AsyncSegmentation, Frame } from "../../../src/browser/protocol.js";
import { NewestSlot, segmentStream } from "../../../src/browser/stream.js";

/** A frame with a number; knows how often it was closed. */
class FakeFrame {
  closed = 0;
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }

  close(): void {
    this.closed++;
  }
}

const makeFrames = (count: number) => Array.from({ length: count }, (_, number) => new FakeFrame(number));
const tick = () => new Promise<void>((resolve) => setTimeout(resolve));

describe("a place for the newest", () => {
  test("closes what is replaced and counts it", async () => {
    const slot = new NewestSlot<FakeFrame>();
    const frames = makeFrames(5);
    for (const frame of frames.slice(0, 3)) slot.put(frame);
    expect(await slot.take()).toEqual({ thing: frames[2], dropped: 2 });
    const waiting = slot.take();
    slot.put(frames[3]!);
    slot.put(frames[4]!);
    expect(await waiting).toEqual({ thing: frames[3], dropped: 0 });
    expect(await slot.take()).toEqual({ thing: frames[4], dropped: 0 });
    expect(frames.map(({ closed }) => closed)).toEqual([1, 1, 0, 0, 0]);
  });

  test("gives what is left before the end, and nothing after it", async () => {
    const slot = new NewestSlot<FakeFrame>();
    const [left, late] = makeFrames(2);
    slot.put(left!);
    slot.end();
    slot.put(late!);
    expect((await slot.take())?.thing).toBe(left);
    expect(await slot.take()).toBeUndefined();
    expect([left!.closed, late!.closed]).toEqual([0, 1]);
  });

  test("an end wakes who waits, an error is thrown once the rest is taken", async () => {
    const quiet = new NewestSlot<FakeFrame>();
    const waiting = quiet.take();
    quiet.end({ discard: true });
    expect(await waiting).toBeUndefined();
    const broken = new NewestSlot<FakeFrame>();
    const [frame] = makeFrames(1);
    broken.put(frame!);
    broken.end({ error: new Error("unplugged") });
    expect((await broken.take())?.thing).toBe(frame);
    await expect(broken.take()).rejects.toThrow("unplugged");
  });

  test("discards what waits when told to", () => {
    const slot = new NewestSlot<FakeFrame>();
    const [frame] = makeFrames(1);
    slot.put(frame!);
    slot.end({ discard: true });
    expect(frame!.closed).toBe(1);
  });
});

/** A segmenter that ends each frame when told to, and hands the frame back as the real one does. */
class FakeSegmenter {
  readonly started: number[] = [];
  #finish: (() => void) | undefined;

  segmentAsync(image: unknown, { signal, keepFrame }: AsyncSegmentOptions = {}): Promise<AsyncSegmentation> {
    const frame = image as FakeFrame;
    expect(keepFrame).toBe(true);
    expect(this.#finish).toBeUndefined();
    this.started.push(frame.number);
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => {
        frame.close();
        reject(signal.reason);
      });
      this.#finish = () => {
        this.#finish = undefined;
        const mask = Uint8Array.of(frame.number);
        const milliseconds = new Float64Array(1);
        resolve({ mask, width: 1, height: 1, milliseconds, frame: frame as unknown as Frame });
      };
    });
  }

  async finish(): Promise<void> {
    await tick();
    this.#finish!();
    await tick();
  }
}

/** A stream of frames that a test feeds by hand. */
function makeCamera() {
  let controller!: ReadableStreamDefaultController<Frame>;
  let cancelled = false;
  const stream = new ReadableStream<Frame>(
    {
      start: (given) => {
        controller = given;
      },
      cancel: () => {
        cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const feed = async (frame: FakeFrame) => {
    controller.enqueue(frame as unknown as Frame);
    await tick();
  };
  return {
    stream,
    feed,
    end: () => controller.close(),
    fail: (error: Error) => controller.error(error),
    isCancelled: () => cancelled,
  };
}

describe("a stream of frames", () => {
  test("the newest frame wins; every frame is closed once; at most one runs", async () => {
    const camera = makeCamera();
    const segmenter = new FakeSegmenter();
    const frames = makeFrames(7);
    const seen: [number, number][] = [];
    const consumer = (async () => {
      for await (const { mask, frame, dropped } of segmentStream(segmenter, camera.stream)) {
        expect((frame as unknown as FakeFrame).closed).toBe(0);
        seen.push([mask[0]!, dropped]);
      }
    })();
    await camera.feed(frames[0]!);
    for (const frame of frames.slice(1, 4)) await camera.feed(frame);
    await segmenter.finish();
    for (const frame of frames.slice(4, 7)) await camera.feed(frame);
    await segmenter.finish();
    camera.end();
    await segmenter.finish();
    await consumer;
    expect(segmenter.started).toEqual([0, 3, 6]);
    expect(seen).toEqual([
      [0, 0],
      [3, 2],
      [6, 2],
    ]);
    expect(frames.map(({ closed }) => closed)).toEqual(frames.map(() => 1));
  });

  test("leaving the loop closes the frame and gives the source up", async () => {
    const camera = makeCamera();
    const segmenter = new FakeSegmenter();
    const frames = makeFrames(2);
    const consumer = (async () => {
      for await (const _ of segmentStream(segmenter, camera.stream)) break;
    })();
    await camera.feed(frames[0]!);
    await camera.feed(frames[1]!);
    await segmenter.finish();
    await consumer;
    expect(frames.map(({ closed }) => closed)).toEqual([1, 1]);
    expect(camera.isCancelled()).toBe(true);
  });

  test("a signal ends it while a frame runs, and while it waits for one", async () => {
    for (const running of [true, false]) {
      const camera = makeCamera();
      const [frame] = makeFrames(1);
      const controller = new AbortController();
      const next = segmentStream(new FakeSegmenter(), camera.stream, { signal: controller.signal }).next();
      const failed = expect(next).rejects.toBe("stop");
      await tick();
      if (running) await camera.feed(frame!);
      controller.abort("stop");
      await failed;
      expect(frame!.closed).toBe(running ? 1 : 0);
      expect(camera.isCancelled()).toBe(true);
    }
  });

  test("an error of the source is thrown", async () => {
    const camera = makeCamera();
    const next = segmentStream(new FakeSegmenter(), camera.stream).next();
    const failed = expect(next).rejects.toThrow("unplugged");
    camera.fail(new Error("unplugged"));
    await failed;
  });
});
