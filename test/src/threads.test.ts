import { describe, expect, it, vi } from "vitest";
import { Segmenter } from "../../src/index.js";
import { noThreads } from "../../src/isolation.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { buildFixture } from "../fixtures/fixture.js";
import { Random } from "../fixtures/random.js";
// makes the relaxed build run in Node 20
import "../variants.js";

const bytes = writeModel(buildFixture(1, true));
/** A worker of the web that says it is ready and does nothing. */
class LocalWorker {
  onmessage: (() => void) | undefined;
  onerror: ((event: { message: string }) => void) | undefined;

  postMessage(): void {
    queueMicrotask(() => this.onmessage!());
  }

  terminate(): void {}
}

const images = [1, 2, 3].map((seed) => {
  const data = Uint8Array.from(new Random(seed).int8(90 * 70 * 3), (value) => value + 128);
  return { data, width: 90, height: 70, channels: 3 };
});

describe.each(["simd", "relaxed"] as const)("threads of the %s build", (variant) => {
  // the larger size has maps that depthwise convolutions let make row by row
  it.each([
    [2, 64, 48],
    [3, 64, 48],
    [2, 264, 520],
    [5, 264, 520],
    [16, 8, 8],
  ])("%i threads give the masks of one at an input of %i x %i", async (threads, width, height) => {
    using one = await Segmenter.load(bytes, { width, height, variant: "scalar" });
    using many = await Segmenter.load(bytes, { width, height, variant, threads });
    expect(many.info).toMatchObject({ threads, variant });
    for (const image of images) {
      for (let again = 0; again < 3; again++) {
        expect(many.segment(image).mask).toEqual(one.segment(image).mask);
      }
    }
  });
});

describe("threads", () => {
  it("are many segmenters' own: they do not meet each other's", async () => {
    const segmenters = await Promise.all([2, 3, 2].map((threads) => Segmenter.load(bytes, { threads })));
    const masks = segmenters.map((segmenter, index) => segmenter.segment(images[index]!).mask);
    using one = await Segmenter.load(bytes);
    masks.forEach((mask, index) => {
      expect(mask).toEqual(one.segment(images[index]!).mask);
    });
    for (const segmenter of segmenters) segmenter.dispose();
  });

  it("end with dispose, after which there is an error and no wait", async () => {
    const segmenter = await Segmenter.load(bytes, { threads: 4 });
    segmenter.dispose();
    segmenter.dispose();
    expect(() => segmenter.segment(images[0]!)).toThrow("disposed");
  });

  it("are one where the build has no threads, and info says so", async () => {
    using segmenter = await Segmenter.load(bytes, { threads: 2, variant: "scalar" });
    expect(segmenter.info).toMatchObject({ threads: 1, variant: "scalar" });
    expect(segmenter.info.noThreads).toContain('"scalar" has no threads');
  });

  it("are one where they cannot start, and info says why", async () => {
    vi.stubGlobal(
      "Worker",
      class {
        constructor() {
          throw new DOMException("not from here", "SecurityError");
        }
      },
    );
    using segmenter = await Segmenter.load(bytes, { threads: 2 });
    vi.unstubAllGlobals();
    expect(segmenter.info).toMatchObject({ threads: 1 });
    expect(segmenter.info.noThreads).toBe("a thread did not start: not from here");
    expect(segmenter.segment(images[0]!).mask).toHaveLength(90 * 70);
  });

  it("one that has died is an error and no wait", async () => {
    const workers: Worker[] = [];
    vi.stubGlobal(
      "Worker",
      class extends LocalWorker {
        constructor() {
          super();
          workers.push(this as never);
        }
      },
    );
    const segmenter = await Segmenter.load(bytes, { threads: 3, threadWorker: () => new Worker("") });
    vi.unstubAllGlobals();
    expect(workers).toHaveLength(2);
    expect(segmenter.info.threads).toBe(3);
    workers[1]!.onerror!({ message: "killed" } as never);
    await Promise.resolve();
    expect(() => segmenter.segment(images[0]!)).toThrow("a thread of this segmenter has ended: killed");
  });

  it.each([0, 17, 1.5, "2"])("refuse %s", async (threads) => {
    await expect(Segmenter.load(bytes, { threads: threads as number })).rejects.toThrow('"threads" expected');
  });

  it("need cross-origin isolation in a page", () => {
    expect(noThreads({ crossOriginIsolated: false })).toContain("COOP and COEP");
    expect(noThreads({ crossOriginIsolated: true })).toBeUndefined();
    expect(noThreads({})).toBeUndefined();
  });
});
