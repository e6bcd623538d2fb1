import { Engine, instantiate } from "../../src/engine.js";
import { engineBytes, openEngine } from "../../src/engines/inline.js";
import { plan } from "../../src/plan.js";
import type { Variant } from "../../src/variant.js";
import type { RunModel } from "./index.js";

/** An engine of a build (default: the fastest that this machine runs) that gives out every tensor. */
export async function engineRunner(asked?: Variant): Promise<{ variant: Variant; run: RunModel }> {
  const { variant } = await openEngine(asked);
  const module = new WebAssembly.Module(engineBytes(variant));
  const run: RunModel = (model, input, height, width) => {
    const engine = new Engine(model, plan(model, height, width, { whole: true }), instantiate(module));
    const tensors: Int8Array[] = [];
    model.ops.forEach(({ output }, index) => {
      if (index === 0) engine.tensor(output).set(input);
      else engine.run(index, index + 1);
      tensors[output] = engine.tensor(output).slice();
    });
    return tensors;
  };
  return { variant, run };
}
