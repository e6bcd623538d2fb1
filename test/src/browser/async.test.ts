import { afterEach, describe, expect, test, vi } from "vitest";
import { AsyncSegmenter } from "../../../src/browser/async-segmenter.js";
import type { WorkerEndpoint } from "../../../src/browser/client.js";
import type { Endpoint } from "../../../src/browser/protocol.js";
import { serveSegmenter } from "../../../src/browser/serve.js";
import { EnvironmentError, ModelError } from "../../../src/errors.js";
import type { Image } from "../../../src/image.js";
import { Segmenter } from "../../../src/segmenter.js";
import { writeModel } from "../../../tools/convert/aseg/write.js";
import { buildFixture } from "../../fixtures/fixture.js";
import { Random } from "../../fixtures/random.js";

const MODEL = writeModel(buildFixture());

/** A worker in this thread: the real server behind a real channel, with a clock that ticks once a look. */
class LocalWorker implements WorkerEndpoint {
  readonly #ports = new MessageChannel();
  readonly #listeners = new Map<string, (event: Event) => void>();
  /** Looks at the message queue. */
  pauses = 0;
  terminated = false;

  constructor() {
    let ticks = 0;
    const pause = async () => {
      this.pauses++;
      await new Promise((resolve) => setTimeout(resolve));
    };
    serveSegmenter(this.#ports.port2 as unknown as Endpoint, { now: () => ticks++, pause });
    this.#ports.port2.start();
  }

  postMessage(message: unknown, transfer: Transferable[]): void {
    this.#ports.port1.postMessage(message, transfer);
  }

  addEventListener(type: string, listener: (event: Event) => void): void {
    this.#listeners.set(type, listener);
    if (type === "message") this.#ports.port1.onmessage = listener;
  }

  /** An event that a real worker fires by itself. */
  fire(type: string, event: object): void {
    this.#listeners.get(type)!(event as Event);
  }

  terminate(): void {
    this.terminated = true;
    this.#ports.port1.close();
  }
}

function drawNoise(width: number, height: number, channels: 1 | 3 | 4): Image {
  const random = new Random(width * channels);
  const data = Uint8Array.from({ length: width * height * channels }, () => random.integer(0, 255));
  return { data, width, height, channels };
}

let worker: LocalWorker;
const load = (options = {}) => {
  worker = new LocalWorker();
  return AsyncSegmenter.load(MODEL, { worker, ...options });
};
afterEach(() => worker?.terminate());

describe("a segmenter in a worker", () => {
  test("gives the masks, scores and facts of one that is not", async () => {
    const here = await Segmenter.load(MODEL);
    const there = await load();
    expect(there.classes).toEqual(here.classes);
    expect(there.palette).toEqual(here.palette);
    expect(there.info).toMatchObject({ ...here.info, threads: 1, isolated: false });
    expect(there.info.noThreads).toMatch(/^threads need /);
    for (const image of [drawNoise(90, 70, 3), drawNoise(64, 48, 4), drawNoise(17, 130, 1)]) {
      const expected = here.segment(image, { scores: true });
      expect(await there.segmentAsync(image, { scores: true })).toMatchObject({ ...expected });
      const small = await there.segmentAsync(image, { width: 31, height: 12 });
      expect(small.mask).toEqual(here.segment(image, { width: 31, height: 12 }).mask);
      expect(small.scores).toBeUndefined();
    }
  });

  test("takes input size and build", async () => {
    const { info } = await load({ width: 128, height: 64, variant: "scalar" });
    expect(info).toMatchObject({ width: 128, height: 64, variant: "scalar" });
  });

  test("times every operation", async () => {
    const there = await load();
    const { milliseconds } = await there.segmentAsync(drawNoise(64, 48, 3));
    expect(milliseconds).toHaveLength(there.info.ops.length);
    expect(milliseconds.every((time) => time >= 1)).toBe(true);
  });

  test("copies the picture, or takes it if told so", async () => {
    const there = await load();
    const image = drawNoise(64, 48, 3);
    const before = image.data.slice();
    await there.segmentAsync(image);
    expect(image.data).toEqual(before);
    await there.segmentAsync(image, { transfer: true });
    expect(image.data).toHaveLength(0);
  });

  test("answers many at once, each with its own", async () => {
    const here = await Segmenter.load(MODEL);
    const there = await load();
    const images = [20, 30, 40, 50].map((width) => drawNoise(width, 33, 3));
    const results = await Promise.all(images.map((image) => there.segmentAsync(image)));
    results.forEach(({ mask }, at) => {
      expect(mask).toEqual(here.segment(images[at]!).mask);
    });
  });
});

describe("progress and abort", () => {
  test("progress rises to all operations", async () => {
    const there = await load();
    const total = there.info.ops.length;
    const seen: number[] = [];
    await there.segmentAsync(drawNoise(64, 48, 3), {
      onProgress: (done, all) => {
        expect(all).toBe(total);
        seen.push(done);
      },
    });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(total);
  });

  test("a signal rejects with its reason and the worker stops before the end", async () => {
    const there = await load();
    await there.segmentAsync(drawNoise(64, 48, 3));
    const whole = worker.pauses;
    worker.pauses = 0;
    const controller = new AbortController();
    const reason = new Error("enough");
    const given = there.segmentAsync(drawNoise(64, 48, 3), {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await expect(given).rejects.toBe(reason);
    const here = await Segmenter.load(MODEL);
    const image = drawNoise(40, 30, 3);
    expect((await there.segmentAsync(image)).mask).toEqual(here.segment(image).mask);
    expect(worker.pauses).toBeLessThan(whole + 4);
  });

  test("a signal takes a waiting picture out of the queue", async () => {
    const there = await load();
    const controller = new AbortController();
    const first = there.segmentAsync(drawNoise(64, 48, 3));
    const second = there.segmentAsync(drawNoise(64, 48, 3), { signal: controller.signal });
    const third = there.segmentAsync(drawNoise(64, 48, 3));
    controller.abort();
    await expect(second).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect((await first).mask).toEqual((await third).mask);
  });

  test("a signal that has fired sends nothing", async () => {
    const there = await load();
    const post = vi.spyOn(worker, "postMessage");
    await expect(there.segmentAsync(drawNoise(8, 8, 3), { signal: AbortSignal.abort(7) })).rejects.toBe(7);
    expect(post).not.toHaveBeenCalled();
  });

  test("a signal during the load ends the worker", async () => {
    const controller = new AbortController();
    const loading = load({ signal: controller.signal });
    controller.abort("never mind");
    await expect(loading).rejects.toBe("never mind");
    expect(worker.terminated).toBe(true);
  });
});

describe("errors", () => {
  test("cross the wire with class and message", async () => {
    worker = new LocalWorker();
    const broken = AsyncSegmenter.load(MODEL.slice(0, 100), { worker });
    const expected = await Segmenter.load(MODEL.slice(0, 100)).catch((error) => error);
    expect(expected).toBeInstanceOf(ModelError);
    await expect(broken).rejects.toBeInstanceOf(ModelError);
    await expect(broken).rejects.toThrow(expected.message);
    expect(worker.terminated).toBe(true);
    await expect(load({ width: 65 })).rejects.toThrow(
      new RangeError('"width" expected a multiple of 8, got 65'),
    );
    await expect(load({ variant: "fast" })).rejects.toBeInstanceOf(RangeError);
    const there = await load();
    const wrong = there.segmentAsync(drawNoise(8, 8, 3), { width: 0 });
    await expect(wrong).rejects.toThrow('"width" expected an integer from 1');
    await expect(there.segmentAsync({ data: new Uint8Array(5), width: 1, height: 1 })).rejects.toThrow(
      RangeError,
    );
    await expect(there.segmentAsync(null as never)).rejects.toThrow(TypeError);
  });

  test("a worker that fails or is not found rejects what is pending and what comes", async () => {
    const there = await load();
    const pending = there.segmentAsync(drawNoise(64, 48, 3));
    worker.fire("error", { message: "out of memory" });
    await expect(pending).rejects.toThrow("the worker failed: out of memory");
    await expect(there.segmentAsync(drawNoise(8, 8, 3))).rejects.toThrow("the worker failed");
    const loading = load();
    worker.fire("error", {});
    await expect(loading).rejects.toBeInstanceOf(EnvironmentError);
    await expect(loading).rejects.toThrow("the worker script could not be loaded");
  });

  test("dispose ends the worker and rejects what is pending and what comes", async () => {
    const there = await load();
    const pending = there.segmentAsync(drawNoise(64, 48, 3));
    const late = expect(pending).rejects.toThrow("this segmenter has been disposed");
    await Promise.resolve();
    there.dispose();
    await late;
    expect(worker.terminated).toBe(true);
    await expect(there.segmentAsync(drawNoise(8, 8, 3))).rejects.toThrow("this segmenter has been disposed");
    there[Symbol.dispose]();
  });

  test("without a worker to start, says so", async () => {
    await expect(AsyncSegmenter.load(MODEL)).rejects.toThrow(
      'this host has no Worker: use Segmenter, or pass "worker"',
    );
  });
});
