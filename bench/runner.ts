/** One engine in a process of its own, whatever the host. */
import type { HostName, Spec } from "./engines/engine.js";
import type { Roofline } from "./roofline/measure.js";
import type { RunTimes } from "./statistics.js";

/** What a process is asked. */
export interface Command {
  readonly name: "load" | "run" | "memory" | "hash" | "roofline" | "close";
  readonly spec?: Spec;
  /** Of a hash: files of images. */
  readonly images?: readonly string[];
  /** Of a roofline: the build, and how often the network runs. */
  readonly variant?: string;
  readonly passes?: number;
}

/** What it answers; times in milliseconds. */
export interface Answer {
  readonly error?: string;
  /** From nothing to ready, and to the first mask. */
  readonly load?: number;
  readonly firstMask?: number;
  readonly mask?: Uint8Array;
  readonly wall?: number;
  readonly cpu?: number;
  readonly linearBytes?: number;
  readonly residentBytes?: number;
  readonly hash?: string;
  readonly roofline?: Roofline;
}

/** Times of a load, milliseconds. */
export interface LoadTimes {
  readonly load: number;
  readonly firstMask: number;
}

export interface Runner {
  readonly spec: Spec;
  /** Loads the engine in a fresh process (or page) and computes a mask; may be called again. */
  load(): Promise<LoadTimes & { mask: Uint8Array; residentBytes?: number }>;
  run(): Promise<RunTimes>;
  /** Bytes of WebAssembly memory; 0 where there is none. */
  linearBytes(): Promise<number>;
  /** SHA-256 of the masks of some images, one after the other, hexadecimal. */
  hash(images: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** Longest time that an engine may take for an answer. */
const LIMIT_SECONDS = 120;

/** @throws Error if the answer does not come in time */
export async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`no answer within ${LIMIT_SECONDS} s`);
    timer = setTimeout(() => reject(error), LIMIT_SECONDS * 1000);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Version of a host, and its runners. */
export interface BenchHost {
  readonly name: HostName;
  readonly version: string;
  open(spec: Spec): Promise<Runner>;
  /** Times of every operation of ours, in a process of its own. */
  roofline(variant: string, passes: number): Promise<Roofline>;
  /** Paths of the files that the page of a spec fetched for its engine, where the host knows them. */
  filesOf(spec: Spec): readonly string[] | undefined;
  close(): Promise<void>;
}
