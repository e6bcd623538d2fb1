/** Times of single kernels and of whole networks, taken on the engine. */

import { cpus } from "node:os";
import type { Engine } from "../../src/engine.js";
import * as format from "../../src/format.js";
import type { Model } from "../../src/ops.js";
import type { Variant } from "../../src/variant.js";
import { EngineBuild } from "../common/engine.js";
import { median } from "../common/statistics.js";
import { ShapeBuilder } from "./architecture.js";
import { GRIDS, type TimingTable } from "./timing.js";

/** Rows of a map that is measured. */
const ROWS = 8;
/** A sample lasts at least so long; the shortest of several counts. */
const SAMPLE_MS = 0.4;
const SAMPLES = 7;

/** Measures on one build of the engine. */
export class Stopwatch {
  readonly #build: EngineBuild;

  private constructor(build: EngineBuild) {
    this.#build = build;
  }

  /** @param asked build; default: the fastest that this machine runs */
  static async open(asked?: Variant): Promise<Stopwatch> {
    return new Stopwatch(await EngineBuild.open(asked));
  }

  get variant(): Variant {
    return this.#build.variant;
  }

  /** Processor, Node and build. */
  get machine(): Record<string, string> {
    return { processor: cpus()[0]?.model ?? "unknown", node: process.version, variant: this.variant };
  }

  /** A model with random weights in an engine, its input filled. */
  #load(model: Model, height: number, width: number, isWhole = false): Engine {
    randomize(model);
    const engine = this.#build.load(model, { height, width }, isWhole);
    engine.tensor(0).set(pseudorandom(engine.tensor(0).length));
    return engine;
  }

  /**
   * Measures every point of the grids.
   *
   * @param onPoint is told how many of how many points are done
   */
  table(onPoint: (done: number, total: number) => void = () => {}): TimingTable {
    const kernels = Object.entries(GRIDS);
    const points = kernels.map(([, axes]) => pointsOf(axes.map(([, places]) => places)));
    const total = points.reduce((sum, list) => sum + list.length, 0);
    let done = 0;
    const entries = kernels.map(([kernel, axes], index) => {
      this.#kernel(kernel, points[index]!.at(-1)!); // the compiler's fast tier
      const nanoseconds = points[index]!.map((point) => {
        onPoint(++done, total);
        return Math.round(this.#kernel(kernel, point));
      });
      return [kernel, { axes, nanoseconds }] as const;
    });
    return { machine: this.machine, kernels: Object.fromEntries(entries) };
  }

  /** Nanoseconds of one row of a kernel at a point of its grid. */
  #kernel(kernel: string, point: readonly number[]): number {
    const { model, height, width } = single(kernel, point);
    const engine = this.#load(model, height, width, true);
    const last = kernel === "argmax" ? model.ops.length : model.ops.length - 1;
    engine.run(1, last);
    const { output, inputs } = model.ops[last - 1]!;
    if (kernel === "argmax") engine.tensor(inputs[0]!).set(pseudorandom(engine.tensor(inputs[0]!).length));
    const sample = (repeats: number): number => {
      const start = performance.now();
      for (let i = 0; i < repeats; i++) engine.run(last - 1, last);
      return performance.now() - start;
    };
    const repeats = Math.max(1, Math.ceil(SAMPLE_MS / Math.max(sample(2) / 2, 1e-4)));
    const times = Array.from({ length: SAMPLES }, () => sample(repeats) / repeats);
    return (1e6 * Math.min(...times)) / engine.plan.tensors[output]!.height;
  }

  /**
   * Median milliseconds of each network, one frame of each in turn.
   *
   * @param rounds frames of each that count; as many tenths more warm up
   */
  networks(models: readonly Model[], height: number, width: number, rounds: number): number[] {
    const engines = models.map((model) => this.#load(model, height, width));
    const times = models.map((): number[] => []);
    for (let round = -Math.ceil(rounds / 10); round < rounds; round++) {
      engines.forEach((engine, index) => {
        const start = performance.now();
        engine.run();
        if (round >= 0) times[index]!.push(performance.now() - start);
      });
    }
    return times.map(median);
  }
}

/** All points of a grid, the last axis fastest. */
function pointsOf(axes: readonly (readonly number[])[]): number[][] {
  return axes.reduce<number[][]>(
    (points, places) => points.flatMap((point) => places.map((p) => [...point, p])),
    [[]],
  );
}

/** A model whose last operation before `argmax` is one kernel, and the size of its input. */
function single(kernel: string, point: readonly number[]): { model: Model; height: number; width: number } {
  const builder = new ShapeBuilder();
  const channels = point.at(-1)!;
  const width = point.at(-2)!;
  const [factor, size] = point as [number, number];
  const value = (count = channels) => builder.pointwise(0, count);
  switch (kernel) {
    case "convolution":
      return finish(builder.convolution(0, channels, size, factor), ROWS * factor, width * factor);
    case "depthwise":
      return finish(builder.depthwise(value(), size, factor), ROWS * factor, width * factor);
    case "pointwise":
      return finish(builder.pointwise(value(point[1]), channels), ROWS, factor);
    case "maxPool":
      return finish(builder.pool(format.MAX_POOL, value(), factor), ROWS * factor, width * factor);
    case "gate": {
      const x = value();
      return finish(
        builder.gate(x, factor > 1 ? builder.pool(format.MAX_POOL, x, factor) : x, factor),
        ROWS,
        width,
      );
    }
    case "resize":
      return finish(builder.resize(value(), factor), ROWS, width / factor);
    case "add":
      return finish(builder.sum(value(), value()), ROWS, width);
    default:
      return finish(value(), ROWS, width);
  }
  function finish(output: number, height: number, across: number) {
    return { model: builder.finish(output, kernel, 1), height, width: across };
  }
}

/** Fills weights so that activations spread over their range; time does not depend on them but for branches. */
function randomize(model: Model): void {
  for (const op of model.ops) {
    const taps = op.weights.length / Math.max(1, op.bias.length);
    op.weights.set(pseudorandom(op.weights.length));
    if (taps) op.scales.fill(1 / (200 * Math.sqrt(taps)));
    op.table.set(pseudorandom(op.table.length));
  }
}

/** Values in -127..127 from a linear congruential generator. */
function pseudorandom(length: number): Int8Array {
  let state = 1;
  return new Int8Array(length).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 24) - 128 || 1;
  });
}
