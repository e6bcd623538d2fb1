import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Opens a web address, a `file:` URL or the path of a file. */
export async function open(address: string | URL, signal?: AbortSignal): Promise<Response> {
  const text = String(address);
  if (/^(https?|data|blob):/i.test(text)) return fetch(address, signal ? { signal } : {});
  const path = /^file:/i.test(text) ? fileURLToPath(text) : text;
  const bytes = await readFile(path, signal ? { signal } : {});
  return new Response(bytes, { headers: { "content-length": String(bytes.length) } });
}
