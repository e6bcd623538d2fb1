/** onnxruntime as machine code, all graph optimisations: not for browsers, shown as a mark. */
import type { InferenceSession } from "onnxruntime-web";
import type { Load } from "./engine.js";
import { sessionEngine } from "./onnxruntime.js";

export const load: Load = async (spec, host) => {
  const { default: ort } = await import("onnxruntime-node");
  const session = await ort.InferenceSession.create(await host.read(spec.files[0]!), {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: spec.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return sessionEngine(ort, session as InferenceSession, spec);
};
