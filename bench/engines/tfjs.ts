/** TensorFlow.js as a graph model; the backend is set up by the caller. */
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import type { Engine, Host, Spec } from "./engine.js";
import { toFloats } from "./levels.js";

/** The graph model of a spec on the current backend. */
export async function graphEngine(spec: Spec, host: Host): Promise<Engine> {
  const [text, weights] = await Promise.all(spec.files.map((name) => host.read(name)));
  const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(text));
  const weightSpecs = weightsManifest[0].weights;
  const weightData = weights!.slice().buffer as ArrayBuffer;
  const model = await loadGraphModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
  const convert = toFloats(spec.side);
  const shape: [number, number, number, number] = [1, spec.side, spec.side, 3];
  return {
    run(levels) {
      const mask = tf.tidy(() => model.predict(tf.tensor4d(convert(levels), shape, "float32")) as tf.Tensor);
      const values = mask.dataSync<"int32">();
      mask.dispose();
      return values;
    },
    close: () => model.dispose(),
  };
}
