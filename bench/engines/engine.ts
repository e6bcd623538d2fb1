/** What the benchmark asks of every engine. */

/** Where an engine finds its files. */
export interface Host {
  readonly isNode: boolean;
  /** A file made for the benchmark: a model. */
  read(name: string): Promise<Uint8Array>;
  /** Folder (Node) or address (browser) of the files of an npm package's distribution, with a slash at the end. */
  assets(packageName: string): string;
}

/** Class ids of the image's pixels, [side, side], in whatever integers the engine gives. */
export type Mask = Uint8Array | Int32Array;

/** A loaded network. Levels of the image: uint8 RGB, [side, side, 3]. */
export interface Engine {
  run(levels: Uint8Array): Mask | Promise<Mask>;
  close(): void | Promise<void>;
}

/** Where an engine runs: this Node, the newest one that is installed, and a browser. */
export type HostName = "node" | "node-newest" | "chromium";

/** Numbers of a network: real, or 8-bit activations with or without a sign. */
export type NumberType = "f32" | "u8" | "s8";

/** One line of the comparison. */
export interface Spec {
  /** Unique, e.g. "litert-int8". */
  readonly name: string;
  /** As shown, e.g. "LiteRT.js int8". */
  readonly label: string;
  /** File in this folder that loads it. */
  readonly engine: "ours" | "tfjs-wasm" | "tfjs-cpu" | "onnxruntime-web" | "onnxruntime-node" | "litert";
  readonly numbers: NumberType;
  readonly threads: number;
  /** Build of ours, or of the other engine where it has several. */
  readonly variant?: string;
  readonly hosts: readonly HostName[];
  /** Model files it reads. */
  readonly files: readonly string[];
  /** File of the image it is given, levels [side, side, 3]. */
  readonly image: string;
  /** Of the input, pixels. */
  readonly side: number;
  /** Least share of pixels equal to ours. */
  readonly agreement: number;
  /** Takes seconds for an image: measured with one round in five. */
  readonly isSlow?: boolean;
}

/** Loads the engine of a spec; each file of this folder exports one as `load`. */
export type Load = (spec: Spec, host: Host) => Promise<Engine>;
