/**
 * What every JavaScript host runs: it segments the images of each job with each build and hashes the masks. It
 * takes nothing from the host but the language, so that shells and interpreters can run it as well as browsers.
 */
import type { Segmenter } from "../../src/index.js";
import { sha256 } from "./sha256.js";

/** Levels as base64, with their size; channels follow from the length. */
export interface JobImage {
  readonly data: string;
  readonly width: number;
  readonly height: number;
}

/** One model and the images it is to segment, in order. */
export interface Job {
  readonly name: string;
  /** The model file as base64. */
  readonly model: string;
  readonly images: readonly JobImage[];
  /** Asked for are the probabilities of the classes that win, instead of masks. */
  readonly probabilities?: boolean;
}

/** SHA-256 of all masks (or probabilities) of a job, one after the other, by job and build: `hashes.fixture.simd`. */
export type Hashes = Record<string, Record<string, string>>;

/** A build of the engine to run, and where its Segmenter comes from. */
export interface Build {
  /** As shown, e.g. "simd" or "url". */
  readonly name: string;
  readonly load: typeof Segmenter.load;
  /** The option `variant`; without it the library chooses. */
  readonly variant?: "simd" | "scalar";
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Bytes of base64 text. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const length = text.replace(/=+$/, "").length;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let word = 0;
  for (let at = 0, end = 0; at < length; at++) {
    word = (word << 6) | DIGITS.indexOf(text[at]!);
    if (at % 4 > 0) bytes[end++] = word >> (6 - 2 * (at % 4));
  }
  return bytes;
}

/** Gives shells without it the `atob` with which the library unpacks its engine. */
export function provideAtob(): void {
  const host = globalThis as { atob?: (text: string) => string };
  host.atob ??= (text) => Array.from(decodeBase64(text), (byte) => String.fromCharCode(byte)).join("");
}

/** Runs every job on every build. */
export async function probe(jobs: readonly Job[], builds: readonly Build[]): Promise<Hashes> {
  const hashes: Hashes = {};
  for (const job of jobs) {
    const model = decodeBase64(job.model);
    const results: Record<string, string> = (hashes[job.name] = {});
    for (const { name, load, variant } of builds) {
      const segmenter = await load(model, variant ? { variant } : {});
      const options = job.probabilities ? ({ probabilities: "max" } as const) : {};
      const masks = job.images.map(({ data, width, height }) => {
        const { mask, probabilities } = segmenter.segment(
          { data: decodeBase64(data), width, height },
          options,
        );
        return probabilities ?? mask;
      });
      segmenter.dispose();
      results[name] = sha256(join(masks));
    }
  }
  return hashes;
}

/** Arrays of bytes, one after the other. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
