/** Codecs compiled to WebAssembly by Emscripten, as jSquash and Cornerstone package them. */

/** A factory of an Emscripten module; what its options are its package does not tell. */
type Factory = (options?: never) => Promise<unknown>;

/**
 * A codec whose binary is compiled once; every call gives an instance of its own, so that after an error, and after a
 * large image, its memory is given back.
 */
export function codec<Module>(
  create: Factory,
  bytes: Uint8Array<ArrayBuffer>,
): (complain: (complaint: string) => void) => Promise<Module> {
  let compiled: WebAssembly.Module | undefined;
  return (complain) => {
    compiled ??= new WebAssembly.Module(bytes);
    const options = {
      noInitialRun: true,
      print: complain,
      printErr: complain,
      instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
        const instance = new WebAssembly.Instance(compiled!, imports);
        done(instance);
        return instance.exports;
      },
    };
    return create(options as never) as Promise<Module>;
  };
}
