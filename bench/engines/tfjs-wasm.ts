/** TensorFlow.js on its WebAssembly backend (XNNPACK), with SIMD, in real numbers: it has no others. */
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import type { Load } from "./engine.js";
import { graphEngine } from "./tfjs.js";

export const load: Load = async (spec, host) => {
  const isThreaded = spec.threads > 1;
  tf.env().set("WASM_HAS_SIMD_SUPPORT", true);
  if (isThreaded) {
    // It never uses more than half of the cores that the browser names; named here are twice the threads wanted.
    Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 * spec.threads });
    setThreadsCount(spec.threads);
  } else tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  setWasmPaths(host.assets("@tensorflow/tfjs-backend-wasm"));
  await tf.setBackend("wasm");
  await tf.ready();
  return graphEngine(spec, host);
};
