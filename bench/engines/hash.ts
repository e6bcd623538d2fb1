/** Many masks in one number, to compare them with equality. */
import type { Engine } from "./engine.js";

/** SHA-256 of the masks of some images, one after the other, hexadecimal. @param images files of levels */
export async function hashMasks(
  engine: Engine,
  read: (name: string) => Promise<Uint8Array>,
  images: readonly string[],
): Promise<string> {
  const masks: Uint8Array[] = [];
  for (const name of images) masks.push(Uint8Array.from(await engine.run(await read(name))));
  const digest = await crypto.subtle.digest("SHA-256", await new Blob(masks as BlobPart[]).arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
