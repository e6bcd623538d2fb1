/** A user's ONNX file (or options for it) that cannot be converted. The message names the node and what would help. */
export class ConvertError extends Error {
  override readonly name = "ConvertError";
}
