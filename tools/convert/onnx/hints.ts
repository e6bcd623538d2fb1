/** What to do about operations that cannot be converted. */

const ATTENTION =
  "attention between pixels is not supported (transformers such as SegFormer or EfficientViT); use a convolutional network";
const DYNAMIC = "its result depends on the image; export with fixed sizes, and without control flow";

const DYNAMIC_SCALES =
  "its scales depend on the image (dynamic quantisation); convert the float file instead";

const HINTS: Readonly<Record<string, string>> = {
  Einsum: ATTENTION,
  MultiHeadAttention: ATTENTION,
  Attention: ATTENTION,
  Loop: DYNAMIC,
  If: DYNAMIC,
  Scan: DYNAMIC,
  NonZero: DYNAMIC,
  DynamicQuantizeLinear: DYNAMIC_SCALES,
  ConvInteger: DYNAMIC_SCALES,
  MatMulInteger: DYNAMIC_SCALES,
  TopK: "cut the graph before it (--output-name NAME)",
  NonMaxSuppression: "it belongs to detection; cut the graph before it (--output-name NAME)",
  GridSample: "warping is not supported",
  DeformConv: "deformable convolutions are not supported",
  LSTM: "recurrent networks are not supported",
  GRU: "recurrent networks are not supported",
};

/** " (what to do)", or nothing. */
export function hintOf(type: string): string {
  const hint = HINTS[type.split(".").at(-1)!];
  return hint ? ` (${hint})` : "";
}
