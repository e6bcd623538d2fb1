import type { Answer } from "./answer.js";

/** Opens an address with what every web-like host has. Each file of this folder is one way; see tools/build.js. */
export function open(address: string | URL, signal?: AbortSignal): Promise<Answer> {
  return fetch(address, signal ? { signal } : {});
}
