/** LiteRT.js on its WebAssembly accelerator (XNNPACK). It takes no int8 tensors, so the input is float. */
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import type { Load } from "./engine.js";
import { toFloats } from "./levels.js";

const SHAPE = [1, 512, 512, 3];

export const load: Load = async (spec, host) => {
  await loadLiteRt(host.assets("@litertjs/core"), { threads: spec.threads > 1 });
  const model = await loadAndCompile(await host.read(spec.files[0]!), {
    accelerator: "wasm",
    cpuOptions: { numThreads: spec.threads },
  });
  const convert = toFloats();
  return {
    async run(levels) {
      const input = Tensor.fromTypedArray(convert(levels), SHAPE);
      const [output] = await model.run([input]);
      const mask = output!.toTypedArray() as Int32Array;
      input.delete();
      output!.delete();
      return mask;
    },
    close: () => model.delete(),
  };
};
