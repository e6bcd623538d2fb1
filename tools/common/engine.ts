/** Models in engines, for commands that look into them. */
import { Engine, instantiate } from "../../src/engine.js";
import { engineBytes, openEngine } from "../../src/engines/inline.js";
import type { Model, Size, Values } from "../../src/ops.js";
import { plan } from "../../src/plan.js";
import type { Variant } from "../../src/variant.js";

/** A build of the engine, compiled once. */
export class EngineBuild {
  readonly variant: Variant;
  readonly #module: WebAssembly.Module;

  private constructor(variant: Variant) {
    this.variant = variant;
    this.#module = new WebAssembly.Module(engineBytes(variant));
  }

  /**
   * @param asked its name; default: the fastest that this machine runs
   * @throws EnvironmentError where this machine cannot run it
   */
  static async open(asked?: Variant): Promise<EngineBuild> {
    const { variant } = await openEngine(asked);
    return new EngineBuild(variant);
  }

  /**
   * A fresh engine with a model in it.
   *
   * @param isWhole make every tensor whole, so that each can be read after its operation
   */
  load(model: Model, { height, width }: Size, isWhole = false): Engine {
    return new Engine(model, plan(model, height, width, { whole: isWhole }), instantiate(this.#module));
  }
}

/**
 * Runs a model operation by operation and keeps what each gives.
 *
 * @param engine loaded whole
 * @param input int8 [height, width, 3]
 * @returns every tensor by id, [height, width, channels]
 */
export function runWhole(engine: Engine, input: Int8Array): Values[] {
  const tensors: Values[] = [];
  engine.model.ops.forEach(({ output }, index) => {
    if (index === 0) engine.tensor(output).set(input);
    else engine.run(index, index + 1);
    tensors[output] = engine.tensor(output).slice();
  });
  return tensors;
}

/** Id of the tensor of logits, which `argmax` reads. */
export function logitsOf({ ops }: Pick<Model, "ops">): number {
  return ops.at(-1)!.inputs[0]!;
}

/**
 * Runs a model and reads its logits.
 *
 * @param input int8 [height, width, 3]
 * @returns [height, width, classes]: a view, valid until the next run
 */
export function runLogits(engine: Engine, input: Int8Array): Values {
  engine.tensor(engine.model.ops[0]!.output).set(input);
  engine.run();
  return engine.tensor(logitsOf(engine.model));
}
