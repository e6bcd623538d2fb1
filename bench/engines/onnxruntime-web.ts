/** onnxruntime-web: the small WebAssembly build, all graph optimisations. */
import * as ort from "onnxruntime-web/wasm";
import type { Load } from "./engine.js";
import { sessionEngine } from "./onnxruntime.js";

export const load: Load = async (spec, host) => {
  ort.env.wasm.numThreads = spec.threads;
  if (!host.isNode) ort.env.wasm.wasmPaths = host.assets("onnxruntime-web");
  const session = await ort.InferenceSession.create(await host.read(spec.files[0]!), {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  });
  return sessionEngine(ort, session, spec);
};
