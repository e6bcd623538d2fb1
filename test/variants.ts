/** The builds that every kernel test runs on. */
import { setFlagsFromString } from "node:v8";
import { align } from "../src/allocate.js";
import { Engine, instantiate } from "../src/engine.js";
import { engineBytes } from "../src/engines/inline.js";
import { bytesOf, type Model } from "../src/ops.js";
import { PAGE_BYTES, type Plan, plan } from "../src/plan.js";
import { VARIANTS, type Variant } from "../src/variant.js";

export { VARIANTS, type Variant };

// the relaxed build computes right in Node 20 too, which has its instructions behind a flag
if (Number(process.versions.node.split(".")[0]) < 22) setFlagsFromString("--experimental-wasm-relaxed-simd");

const modules = new Map(VARIANTS.map((name) => [name, new WebAssembly.Module(engineBytes(name))]));

/** An engine of a build for inputs of the given size. */
export function engineOf(variant: Variant, model: Model, height: number, width: number): Engine {
  return new Engine(model, plan(model, height, width), instantiate(modules.get(variant)!));
}

/** The same, with memory of its own for every tensor, so that all can be written and read. */
export function openEngineOf(variant: Variant, model: Model, height: number, width: number): Engine {
  return new Engine(
    model,
    spread(model, plan(model, height, width, { whole: true })),
    instantiate(modules.get(variant)!),
  );
}

/** A plan in which no tensors share bytes: they lie one after the other behind the arena of the given plan. */
function spread(model: Model, compact: Plan): Plan {
  let arenaBytes = compact.arenaBytes;
  const tensors = compact.tensors.map((tensor, id) => {
    const offset = arenaBytes;
    const { height, width } = tensor;
    const kept = model.tensors[id]!;
    arenaBytes += align(height * width * kept.channels * bytesOf(kept));
    return { ...tensor, offset };
  });
  const pages = Math.ceil((compact.arenaAt + arenaBytes + 64) / PAGE_BYTES);
  return { ...compact, tensors, arenaBytes, memoryBytes: pages * PAGE_BYTES };
}
