/**
 * LiteRT.js on its WebAssembly accelerator (XNNPACK). It takes no int8 tensors, so the input is float. It loads its
 * build with relaxed SIMD by itself where the browser knows that, unless the spec names another.
 */
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import type { Load } from "./engine.js";
import { toFloats } from "./levels.js";

export const load: Load = async (spec, host) => {
  const folder = host.assets("@litertjs/core");
  const path = spec.variant ? `${folder}litert_wasm_${spec.variant}_internal.js` : folder;
  await loadLiteRt(path, { threads: spec.threads > 1 });
  const model = await loadAndCompile(await host.read(spec.files[0]!), {
    accelerator: "wasm",
    cpuOptions: { numThreads: spec.threads },
  });
  const convert = toFloats(spec.side);
  const shape = [1, spec.side, spec.side, 3];
  return {
    async run(levels) {
      const input = Tensor.fromTypedArray(convert(levels), shape);
      const [output] = await model.run([input]);
      const mask = output!.toTypedArray() as Int32Array;
      input.delete();
      output!.delete();
      return mask;
    },
    close: () => model.delete(),
  };
};
