/** Model files kept by the browser, so that a page works offline after its first visit. */
import { crc32 } from "../checksum.js";
import { CHECKSUM_FROM, HEADER_CHECKSUM } from "../format.js";
import { readSource, type SourceOptions } from "../source.js";

/** What `fetchModel` takes beside the address. */
export interface StoreOptions extends SourceOptions {
  /** Name of the store; default "attendseg-models". */
  readonly store?: string | undefined;
}

const STORE = "attendseg-models";

/**
 * The bytes of a model file, from the browser's Cache Storage where they are there and whole, else from the network,
 * which then fills it. An address is fetched once: a new model gets a new address, or `forgetModels` is called. Where
 * there is no Cache Storage (pages without https) everything is fetched.
 *
 * @throws as `Segmenter.load` where the file cannot be fetched; a damaged file is returned, and not kept
 */
export async function fetchModel(
  address: string | URL,
  { store = STORE, signal, onProgress }: StoreOptions = {},
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const url = new URL(address, globalThis.location?.href).href;
  // private windows refuse, full disks fail: the network is there for that
  const cache = await globalThis.caches?.open(store).catch(() => undefined);
  const kept = await cache?.match(url).catch(() => undefined);
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if (isWhole(bytes)) {
      onProgress?.(bytes.length, bytes.length);
      return bytes;
    }
  }
  const bytes = await readSource(url, { signal, onProgress });
  if (isWhole(bytes)) await cache?.put(url, new Response(bytes.slice())).catch(() => {});
  return bytes;
}

/** Removes every model kept. */
export async function forgetModels(store = STORE): Promise<void> {
  await globalThis.caches?.delete(store);
}

/** Whether a file is as its checksum says. */
function isWhole(bytes: Uint8Array): boolean {
  if (bytes.length < CHECKSUM_FROM) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint32(HEADER_CHECKSUM, true) === crc32(bytes.subarray(CHECKSUM_FROM));
}
