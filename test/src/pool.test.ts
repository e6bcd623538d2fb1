/** The pool as it is built, since its workers are files. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { expect, test, vi } from "vitest";
import { Segmenter } from "../../src/index.js";
import type * as Pool from "../../src/pool.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { buildFixture } from "../fixtures/fixture.js";
import { Random } from "../fixtures/random.js";

const { SegmenterPool }: typeof Pool = await import(pathToFileURL(resolve("dist/pool.js")).href);
const model = writeModel(buildFixture());
const images = Array.from({ length: 20 }, (_, seed) => {
  const [width, height] = [20 + 7 * seed, 90 - 3 * seed];
  const data = Uint8Array.from(new Random(seed + 1).int8(width * height * 3), (value) => value + 128);
  return { data, width, height };
});

test("many images at once get the masks of one segmenter, each its own", async () => {
  const one = await Segmenter.load(model);
  using pool = await SegmenterPool.load(model, { workers: 3 });
  expect(pool.classes).toEqual(one.classes);
  expect(pool.info).toEqual(one.info);
  const results = await Promise.all(images.map((image) => pool.segment(image, { probabilities: "max" })));
  results.forEach((result, at) => {
    expect(result).toEqual(one.segment(images[at]!, { probabilities: "max" }));
  });
});

test("an image that is wrong or given up fails alone", async () => {
  using pool = await SegmenterPool.load(model, { workers: 2 });
  const signal = AbortSignal.abort(new Error("enough"));
  const settled = await Promise.allSettled([
    pool.segment(images[0]!),
    pool.segment({ ...images[1]!, width: 1 }),
    pool.segment(images[2]!, { signal }),
    pool.segment(images[3]!),
    pool.segment(null as never),
    pool.segment(images[4]!),
  ]);
  expect(settled.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "rejected",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  expect((settled[2] as PromiseRejectedResult).reason).toBe(signal.reason);
});

test("dispose rejects what is pending and what comes", async () => {
  const pool = await SegmenterPool.load(model, { workers: 1 });
  const pending = images.slice(0, 4).map((image) => pool.segment(image));
  const settled = Promise.allSettled(pending);
  pool.dispose();
  pool.dispose();
  expect((await settled).every(({ status }) => status === "rejected")).toBe(true);
  await expect(pool.segment(images[0]!)).rejects.toThrow("the pool is disposed");
});

test("what cannot be loaded is an error, and leaves no worker", async () => {
  await expect(SegmenterPool.load(model.slice(0, 90), { workers: 2 })).rejects.toThrow(/ModelError|file/);
  await expect(SegmenterPool.load(model, { workers: 0 })).rejects.toThrow(
    '"workers" expected an integer from 1',
  );
  await expect(SegmenterPool.load(model, { workers: 2, width: 65 })).rejects.toThrow(
    '"width" expected a multiple',
  );
});

test("a worker that is killed loses its own image only, and is replaced", async () => {
  const started = vi.spyOn(Worker.prototype, "postMessage");
  using pool = await SegmenterPool.load(model, { workers: 2 });
  const workers = [...new Set(started.mock.contexts)] as Worker[];
  started.mockRestore();
  expect(workers).toHaveLength(2);
  const lost = pool.segment(images[0]!);
  const others = images.slice(1, 9).map((image) => pool.segment(image));
  await Promise.all([workers[0]!.terminate(), expect(lost).rejects.toThrow("it ended with exit code 1")]);
  const one = await Segmenter.load(model);
  const masks = (await Promise.all(others)).map(({ mask }) => mask);
  expect(masks).toEqual(images.slice(1, 9).map((image) => one.segment(image).mask));
});
