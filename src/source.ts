import { describe, EnvironmentError } from "./errors.js";
import { open } from "./open/web.js";

/** Where a model comes from: a URL, its bytes, or a fetched response. */
export type Source = string | URL | Uint8Array | ArrayBuffer | Response;

export interface SourceOptions {
  /** Ends the download. */
  readonly signal?: AbortSignal;
  /** Told the bytes received, and the bytes expected or 0 where the server does not say. */
  readonly onProgress?: (received: number, expected: number) => void;
}

/**
 * The bytes of a model.
 *
 * @throws EnvironmentError if they cannot be fetched, TypeError if the source is none
 */
export async function readSource(
  source: Source,
  { signal, onProgress }: SourceOptions = {},
): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Response) return readResponse(expectOk(source), onProgress);
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new TypeError(`"model" expected a URL, bytes or a Response, got ${describe(source)}`);
  }
  return readResponse(await openAddress(source, signal), onProgress);
}

/**
 * Opens an address.
 *
 * @throws EnvironmentError if there is nothing, the reason of `signal` if that ended it
 */
export async function openAddress(address: string | URL, signal?: AbortSignal): Promise<Response> {
  try {
    return expectOk(await open(address, signal));
  } catch (error) {
    if (signal?.aborted || error instanceof EnvironmentError) throw error;
    throw new EnvironmentError(`cannot fetch ${address}: ${(error as Error).message}`);
  }
}

function expectOk(response: Response): Response {
  if (response.ok) return response;
  throw new EnvironmentError(`cannot fetch ${response.url}: ${response.status} ${response.statusText}`);
}

async function readResponse(
  response: Response,
  onProgress: SourceOptions["onProgress"],
): Promise<Uint8Array> {
  if (!onProgress || !response.body) return new Uint8Array(await response.arrayBuffer());
  const expected = Number(response.headers.get("content-length") ?? 0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    received += part.value.length;
    onProgress(received, expected);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
