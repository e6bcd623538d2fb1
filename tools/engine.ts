import { Engine, instantiate } from "../src/engine.js";
import { chooseVariant, engineBytes } from "../src/engines/inline.js";
import { plan } from "../src/plan.js";
import type { RunModel } from "./compare.js";

/** An engine of a build (default: the fastest that this machine runs) that runs operation by operation and gives out every tensor. */
export function engineRunner(variant?: string): { variant: string; run: RunModel } {
  const chosen = chooseVariant(variant);
  const module = new WebAssembly.Module(engineBytes(chosen));
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
  return { variant: chosen, run };
}
