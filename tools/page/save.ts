/** Pictures as files of the user. */
import type { MaskImage } from "../../src/browser/index.js";
import { overlay } from "../../src/mask.js";
import type { Color } from "../../src/metadata.js";
import type { DecodedImage } from "../image/image.js";
import { filterRows, type Palette, pngChunks } from "../image/png-parts.js";
import { make } from "./dom.js";

/** How long a browser may take to begin a download, milliseconds. */
const PATIENCE = 60_000;

/** Saves class ids with the colours as palette, as `attendseg segment` does. */
export async function saveMask(name: string, mask: MaskImage, palette: readonly Color[]): Promise<void> {
  const { width, height } = mask;
  await save(`${name}.mask.png`, { data: mask.mask, width, height, channels: 1 }, palette);
}

/** Saves a picture with the colours laid over it; `opacity` 0..1. */
export async function saveOverlay(
  name: string,
  image: ImageData,
  { mask }: MaskImage,
  palette: readonly Color[],
  opacity: number,
): Promise<void> {
  const { width, height } = image;
  const data = overlay(image, mask, palette, opacity);
  await save(`${name}.overlay.png`, { data, width, height, channels: 3 });
}

async function save(name: string, image: DecodedImage, palette?: Palette): Promise<void> {
  const zlib = new CompressionStream("deflate");
  const packed = new Response(new Blob([filterRows(image)]).stream().pipeThrough(zlib));
  const chunks = pngChunks(image, new Uint8Array(await packed.arrayBuffer()), palette);
  const href = URL.createObjectURL(new Blob(chunks, { type: "image/png" }));
  make("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), PATIENCE);
}
