/** What the two forms of onnxruntime share: planes in, mask out. */
import type { InferenceSession, Tensor, TypedTensor } from "onnxruntime-web";
import type { Engine, Spec } from "./engine.js";
import { toPlanes } from "./levels.js";

interface Runtime {
  readonly Tensor: new (
    type: "float32" | "uint8" | "int8",
    data: Float32Array | Uint8Array | Int8Array,
    dims: readonly number[],
  ) => unknown;
}

/** A session as an engine. */
export function sessionEngine(
  runtime: Runtime,
  session: InferenceSession,
  { numbers, side }: Pick<Spec, "numbers" | "side">,
): Engine {
  const kinds = { f32: "float32", u8: "uint8", s8: "int8" } as const;
  const arrays = { f32: Float32Array, u8: Uint8Array, s8: Int8Array };
  const planes = new arrays[numbers](3 * side * side);
  const convert = toPlanes(planes);
  const dims = [1, 3, side, side];
  return {
    async run(levels) {
      const input = new runtime.Tensor(kinds[numbers], convert(levels), dims) as Tensor;
      const { mask } = await session.run({ [session.inputNames[0]!]: input });
      return (mask as TypedTensor<"uint8">).data;
    },
    close: () => session.release(),
  };
}
