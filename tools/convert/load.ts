/** A user's model file, ONNX or TFLite, as a graph. */
import { type GraphOptions, type LoadedGraph, loadGraph as loadOnnx } from "./onnx/load.js";
import { writeOnnx } from "./onnx/write.js";
import { lowerTflite } from "./tflite/lower.js";
import { isTflite } from "./tflite/read.js";

/** A loaded file. Of a TFLite file the graph and its bytes are those of the ONNX file that it was lowered to. */
export interface LoadedFile extends LoadedGraph {
  readonly format: "ONNX" | "TFLite";
  /** The bytes of the file itself. */
  readonly file: Uint8Array;
  /** Whether the file says itself how the numbers of an image are fed. */
  readonly isInputQuantized: boolean;
}

/**
 * Reads an ONNX or a TFLite file into a graph.
 *
 * @throws ConvertError if the file is damaged or holds an operation that is not supported
 */
export function loadGraph(bytes: Uint8Array, options: GraphOptions = {}): LoadedFile {
  if (!isTflite(bytes)) {
    return { ...loadOnnx(bytes, options), format: "ONNX", file: bytes, isInputQuantized: false };
  }
  const { output, ...rest } = options;
  const { model, notes, isInputQuantized } = lowerTflite(bytes, output);
  const loaded = loadOnnx(writeOnnx(model), rest);
  const graph = { ...loaded.graph, notes: [...(loaded.graph.notes ?? []), ...notes] };
  return { ...loaded, graph, format: "TFLite", file: bytes, isInputQuantized };
}
