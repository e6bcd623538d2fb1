/** TensorFlow.js in plain JavaScript. */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import type { Load } from "./engine.js";
import { graphEngine } from "./tfjs.js";

export const load: Load = async (spec, host) => {
  await tf.setBackend("cpu");
  await tf.ready();
  return graphEngine(spec, host);
};
