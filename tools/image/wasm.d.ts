/** A WebAssembly binary as bytes: inlined by the build, read from disk in tests. */
declare module "*.wasm" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
