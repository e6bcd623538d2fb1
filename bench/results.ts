/** The file of raw results, bench/results/bench.json. */
import type { HostName, Spec } from "./engines/engine.js";
import type { Schedule } from "./interleave.js";
import type { LayerResult } from "./layers/measure.js";
import type { Machine } from "./machine.js";
import type { Roofline } from "./roofline/measure.js";
import type { LoadTimes } from "./runner.js";
import type { Bytes } from "./sizes.js";
import type { Samples } from "./statistics.js";

/** One engine in one host; times in milliseconds. */
export interface Measured {
  readonly spec: Spec;
  /** Share of pixels equal to ours. */
  readonly agreement: number;
  /** Loads with a warm cache. */
  readonly loads: readonly LoadTimes[];
  readonly samples: Samples;
  /** WebAssembly memory after the last run; 0 of an engine without; unknown in a run that was ended early. */
  readonly linearBytes?: number;
  /** Growth of the process's memory by loading and one run; Node only. */
  readonly residentBytes?: number;
  /** Chromium only. */
  readonly bytes?: Bytes;
  readonly files?: readonly string[];
  /** SHA-256 of the masks of all frames; ours only. */
  readonly hash?: string;
}

/** What was left out, and why. */
export interface LeftOut {
  readonly label: string;
  readonly reason: string;
}

export interface HostResults {
  readonly host: HostName;
  readonly version: string;
  readonly engines: readonly Measured[];
  readonly leftOut: readonly LeftOut[];
  readonly layers: readonly LayerResult[];
  readonly rooflines: readonly Roofline[];
}

export interface Results {
  /** Day of the measurement, YYYY-MM-DD. */
  readonly date: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly network: {
    readonly name: string;
    readonly sha256: string;
    readonly macs: number;
    readonly parameters: number;
  };
  readonly plan: Schedule;
  /** Frames of the data set whose masks were compared; 0 where it was not there. */
  readonly frames: number;
  readonly hosts: readonly HostResults[];
}
