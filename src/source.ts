import { describe, EnvironmentError, expectBytes, isBytes, shorten, tagOf } from "./errors.js";
import type { Answer } from "./open/answer.js";
import { open } from "./open/web.js";

/** Names of the web platform in these types, for programs compiled without `lib: dom`; elsewhere they add nothing. */
declare global {
  interface AbortSignal {}
  interface Response {}
  interface URL {}
  interface Worker {}
  namespace WebAssembly {
    interface Memory {}
    interface Module {}
  }
}

/** Where a model comes from: a URL, its bytes, or a fetched response. */
export type Source = string | URL | Uint8Array | ArrayBuffer | Response;

export interface SourceOptions {
  /** Ends the download, and what follows it at the next pause. */
  readonly signal?: AbortSignal | undefined;
  /** Told the bytes received, and the bytes expected or 0 where the server does not say. */
  readonly onProgress?: ((received: number, expected: number) => void) | undefined;
}

/**
 * The bytes of a model.
 *
 * @throws EnvironmentError if they cannot be fetched, TypeError if the source is none, the reason of `signal`
 */
export async function readSource(source: Source, options: SourceOptions = {}): Promise<Uint8Array> {
  const { signal } = options;
  signal?.throwIfAborted();
  const bytes = await readBytes(source, options);
  signal?.throwIfAborted();
  return bytes;
}

/** A source is known by what it can do, not by its class: it may come from another window or test environment. */
async function readBytes(source: Source, options: SourceOptions): Promise<Uint8Array> {
  if (isBytes(source)) return expectBytes("model", source);
  if (tagOf(source) === "ArrayBuffer") return new Uint8Array(source as ArrayBuffer);
  if (isResponse(source)) return readAnswer(expectOk(source, source.url), options);
  if (typeof source !== "string" && !isUrl(source)) {
    throw new TypeError(`"model" expected a URL, bytes or a Response, got ${describe(source)}`);
  }
  return readAnswer(await openAddress(source, options.signal), options);
}

const isResponse = (value: unknown): value is Response => (value as Response | null)?.ok !== undefined;
const isUrl = (value: unknown): value is URL => (value as URL | null)?.href !== undefined;

/**
 * Opens an address.
 *
 * @throws EnvironmentError if there is nothing, the reason of `signal` if that ended it
 */
export async function openAddress(address: string | URL, signal?: AbortSignal): Promise<Answer> {
  try {
    return expectOk(await open(address, signal), String(address));
  } catch (error) {
    if (signal?.aborted || error instanceof EnvironmentError) throw error;
    throw new EnvironmentError(`cannot fetch ${shorten(String(address))}: ${(error as Error).message}`);
  }
}

function expectOk<T extends Answer>(answer: T, address: string): T {
  if (answer.ok) return answer;
  const where = shorten(answer.url || address);
  throw new EnvironmentError(`cannot fetch ${where}: ${answer.status} ${answer.statusText}`);
}

async function readAnswer(answer: Answer, { signal, onProgress }: SourceOptions): Promise<Uint8Array> {
  const { body, headers } = answer;
  if (!body || !(onProgress || signal)) {
    const bytes = new Uint8Array(await answer.arrayBuffer());
    onProgress?.(bytes.length, bytes.length);
    return bytes;
  }
  // the length of a compressed body says nothing of what comes out of it
  const expected = headers.get("content-encoding") ? 0 : Number(headers.get("content-length") ?? 0);
  const parts: Uint8Array[] = [];
  let received = 0;
  const reader = body.getReader();
  for (let part = await reader.read(); part.value; part = await reader.read()) {
    parts.push(part.value);
    received += part.value.length;
    onProgress?.(received, received > expected ? 0 : expected);
    if (!signal?.aborted) continue;
    void reader.cancel(signal.reason);
    break;
  }
  const whole = new Uint8Array(received);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
