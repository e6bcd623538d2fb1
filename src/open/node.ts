import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Answer } from "./answer.js";

/** Opens a web address, a `file:` URL or the path of a file. */
export async function open(address: string | URL, signal?: AbortSignal): Promise<Answer> {
  const text = String(address);
  if (/^(https?|data|blob):/i.test(text)) return fetch(address, signal ? { signal } : {});
  const path = /^file:/i.test(text) ? fileURLToPath(text) : text;
  const bytes = await readFile(path, signal ? { signal } : {});
  // no Response: test environments lack it
  return {
    ok: true,
    status: 200,
    statusText: "OK",
    url: text,
    headers: { get: (name) => (name === "content-length" ? String(bytes.length) : null) },
    body: null,
    arrayBuffer: async () => Uint8Array.from(bytes).buffer,
  };
}
