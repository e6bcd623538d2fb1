/** A WebAssembly binary as bytes: inlined by the build, read from disk in tests. */
declare module "*.wasm" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

/** HEIC images through libheif: the first image, upright, RGBA. */
declare module "heic-decode" {
  export default function decode(file: {
    readonly buffer: Uint8Array;
  }): Promise<{ readonly width: number; readonly height: number; readonly data: Uint8ClampedArray }>;
}

declare module "@cornerstonejs/codec-libjpeg-turbo-8bit/wasm" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

declare module "@cornerstonejs/codec-libjpeg-turbo-8bit/wasmjs" {
  export default function create(options?: never): Promise<unknown>;
}
