/** How long it takes: per frame, per kind of operation, per operation. */
import type { OpInfo } from "../../src/index.js";
import { formatMilliseconds } from "../common/table.js";
import { find, make, makeBar } from "./dom.js";

/** Operations listed one by one. */
const SLOWEST = 6;
/** Frames over which frames a second are counted. */
const WINDOW = 30;

export class Speed {
  readonly #time = find("time", HTMLElement);
  readonly #rate = find("rate", HTMLElement);
  readonly #frames = find("frames", HTMLElement);
  readonly #dropped = find("dropped", HTMLElement);
  readonly #kinds = find("kinds", HTMLTableElement).tBodies[0]!;
  readonly #slowest = find("slowest", HTMLTableElement).tBodies[0]!;
  #ops: readonly OpInfo[] = [];
  /** Milliseconds of each operation, over all frames. */
  #sums = new Float64Array(0);
  #count = 0;
  #droppedCount = 0;
  /** When the last frames were done. */
  #times: number[] = [];

  /** Forgets what was measured. */
  reset(ops: readonly OpInfo[] = this.#ops): void {
    this.#ops = ops;
    this.#sums = new Float64Array(ops.length);
    this.#count = 0;
    this.#droppedCount = 0;
    this.#times = [];
  }

  /** Milliseconds of the network for a frame, on average. */
  get mean(): number {
    return this.#sums.reduce((sum, value) => sum + value, 0) / Math.max(1, this.#count);
  }

  /**
   * Takes the times of one frame.
   *
   * @param dropped frames passed over before it
   */
  add(milliseconds: Float64Array, dropped = 0): void {
    milliseconds.forEach((value, at) => {
      this.#sums[at]! += value;
    });
    this.#count++;
    this.#droppedCount += dropped;
    this.#times.push(performance.now());
    if (this.#times.length > WINDOW) this.#times.shift();
  }

  /** Shows what was measured so far. */
  show(): void {
    const span = this.#times.at(-1)! - this.#times[0]!;
    this.#time.textContent = formatMilliseconds(this.mean);
    this.#rate.textContent = span > 0 ? ((1000 * (this.#times.length - 1)) / span).toFixed(1) : "–";
    this.#frames.textContent = String(this.#count);
    this.#dropped.textContent = String(this.#droppedCount);
    const each = this.#ops.map((op, at) => ({ op, at, time: this.#sums[at]! / Math.max(1, this.#count) }));
    const kinds = new Map<string, number>();
    for (const { op, time } of each) kinds.set(op.name, (kinds.get(op.name) ?? 0) + time);
    fill(
      this.#kinds,
      [...kinds].map(([name, time]) => ({ head: [splitWords(name)], time })),
    );
    fill(
      this.#slowest,
      [...each]
        .sort((a, b) => b.time - a.time)
        .slice(0, SLOWEST)
        .map(({ op, at, time }) => {
          const facts = `${op.height}×${op.width}×${op.channels}${op.tensor && `, ${op.tensor}`}`;
          return { head: [`${at} ${splitWords(op.name)}`, make("small", {}, facts)], time };
        }),
    );
  }
}

function fill(
  body: HTMLTableSectionElement,
  rows: readonly { head: (string | Node)[]; time: number }[],
): void {
  const sorted = [...rows].sort((a, b) => b.time - a.time);
  const longest = Math.max(sorted[0]?.time ?? 0, Number.MIN_VALUE);
  body.replaceChildren(
    ...sorted.map(({ head, time }) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, ...head),
        make("td", {}, makeBar(time / longest)),
        make("td", {}, `${time.toFixed(2)} ms`),
      ),
    ),
  );
}

/** globalAveragePool -> global average pool */
function splitWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
