import type { Variant } from "../../src/variant.js";
import { EngineBuild, runWhole } from "../common/engine.js";
import type { RunModel } from "./comparator.js";

/** What runs a model on a build of the engine (default: the fastest that this machine runs). */
export async function engineRunner(asked?: Variant): Promise<{ variant: Variant; run: RunModel }> {
  const build = await EngineBuild.open(asked);
  const run: RunModel = (model, input, height, width) =>
    runWhole(build.load(model, { height, width }, true), input);
  return { variant: build.variant, run };
}
