/** This library, as a user loads it. */
import { Segmenter, type Variant } from "../../src/index.js";
import type { Load } from "./engine.js";

export const load: Load = async (spec, host) => {
  const { side } = spec;
  const segmenter = await Segmenter.load(await host.read(spec.files[0]!), {
    variant: spec.variant as Variant,
    threads: spec.threads,
  });
  const { threads, noThreads } = segmenter.info;
  if (threads !== spec.threads) throw new Error(noThreads ?? `runs on ${threads} threads`);
  return {
    run: (levels) => segmenter.segment({ data: levels, width: side, height: side, channels: 3 }).mask,
    close: () => segmenter.dispose(),
  };
};
