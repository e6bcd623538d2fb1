import { Engine, instantiate } from "../src/engine.js";
import { chooseVariant, engineBytes } from "../src/engines/inline.js";
import type { Model } from "../src/index.js";
import { plan } from "../src/plan.js";

/**
 * Runs a whole model on an engine, operation by operation.
 *
 * @param input int8 [height, width, 3]
 * @returns every tensor by id, int8 [height, width, channels]
 */
export type RunModel = (model: Model, input: Int8Array, height: number, width: number) => Int8Array[];

/** An engine of a build (default: the fastest that this machine runs) that gives out every tensor. */
export function engineRunner(variant?: string): { variant: string; run: RunModel } {
  const chosen = chooseVariant(variant);
  const module = new WebAssembly.Module(engineBytes(chosen));
  const run: RunModel = (model, input, height, width) => {
    const engine = new Engine(model, plan(model, height, width), instantiate(module));
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
