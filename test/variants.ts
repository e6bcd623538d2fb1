/** The builds that every kernel test runs on. */
import { engineBytes, VARIANTS, type Variant } from "../src/variant.js";

export { VARIANTS, type Variant };

const modules = new Map(VARIANTS.map((name) => [name, new WebAssembly.Module(engineBytes(name))]));

/** The compiled engine module of a build. */
export function moduleOf(variant: Variant): WebAssembly.Module {
  return modules.get(variant)!;
}
