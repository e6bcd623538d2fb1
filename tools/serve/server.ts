/** A small web server for the demo page and model files: a fixed list of files, strict headers. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, extname, join } from "node:path";
import { parseModel } from "../../src/model.js";
import { isExpected, messageOf, UsageError, UserError } from "../common/errors.js";
import { isFile, listFolder, readBytes, writeError } from "../common/files.js";

export interface ServeOptions {
  /** Folder of the page; its files are served, its folders are not. */
  readonly root: string;
  /** Paths of model files; the first is what the page begins with. */
  readonly models: readonly string[];
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Send the headers that allow threads (COOP, COEP). */
  readonly isolate: boolean;
}

/** What the page is told of a model, in models.json. */
export interface ServedModel {
  readonly name: string;
  /** Relative to the page. */
  readonly url: string;
  readonly bytes: number;
}

export interface RunningServer {
  readonly url: string;
  readonly models: readonly ServedModel[];
  /** Ends it, open connections too. */
  close(): Promise<void>;
}

const BINARY = "application/octet-stream";
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".jpg": "image/jpeg",
  ".png": "image/png",
  ".wasm": "application/wasm",
};

/** Nothing from elsewhere, nothing inline; WebAssembly may be compiled, videos may be the user's own files. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "media-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "permissions-policy": "camera=(self), microphone=(), geolocation=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-cache",
};
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** What one page needs several times over; whoever asks slowly or often cannot hold more. */
const MAX_CONNECTIONS = 64;
const IDLE_MS = 30_000;
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 8192,
};

/** Names of this machine on itself. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether an address is one that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.includes(":") ? `[${host}]` : host);
}

/**
 * Which hosts a request may name. A page of a stranger can point a name of its own at this machine (DNS rebinding); its
 * requests then carry that name.
 */
class HostCheck {
  readonly #own: string;

  constructor(host: string) {
    this.#own = host.toLowerCase();
  }

  allows({ headers: { host = "" }, socket }: IncomingMessage): boolean {
    const name = host.replace(/:\d+$/, "").toLowerCase();
    if (LOOPBACK.test(name) || name === this.#own || name === `[${this.#own}]`) return true;
    // an address cannot be pointed elsewhere: the one that the request came in by, where all are listened on
    const local = (socket.localAddress ?? "").replace(/^::ffff:/, "");
    return !isLoopback(this.#own) && (name === local || name === `[${local}]`);
  }
}

function refuse(response: ServerResponse): void {
  response.writeHead(421, { ...HEADERS, "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end("this server answers to its own address only\n");
}

/** Content of a file that is served, and its media type. */
interface Served {
  readonly type: string;
  readonly read: () => Uint8Array;
}

/**
 * Starts the server.
 *
 * @throws UserError if the page or a model is missing or damaged, or if the address cannot be had
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const models = options.models.map(describeModel);
  const files = listFiles(options, models);
  const headers = { ...HEADERS, ...(options.isolate && ISOLATION) };
  const hosts = new HostCheck(options.host);
  const server = createServer(LIMITS, (request, response) => {
    if (hosts.allows(request)) answer(files, headers, request, response);
    else refuse(response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_MS);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, options)));
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://${host}:${port}/`, models, close };
}

/** Every address there is. Nothing else is looked up, so no address leads out of the folder. */
function listFiles({ root, models }: ServeOptions, served: readonly ServedModel[]): Map<string, Served> {
  const files = new Map<string, Served>();
  for (const name of listFolder(root)) {
    const path = join(root, name);
    if (isFile(path)) files.set(`/${name}`, { type: typeOf(name), read: () => readBytes(path) });
  }
  const index = files.get("/index.html");
  if (!index) throw new UserError(`${root}: there is no page here; build it with npm run build`);
  files.set("/", index);
  const list = new TextEncoder().encode(`${JSON.stringify(served, null, 2)}\n`);
  files.set("/models.json", { type: typeOf(".json"), read: () => list });
  for (const path of models) {
    const address = `/models/${basename(path)}`;
    if (files.has(address)) throw new UsageError(`two models are called ${basename(path)}`);
    files.set(address, { type: BINARY, read: () => readBytes(path) });
  }
  return files;
}

function typeOf(name: string): string {
  return TYPES[extname(`x${name}`)] ?? BINARY;
}

function describeModel(path: string): ServedModel {
  const bytes = readBytes(path);
  try {
    const { metadata } = parseModel(bytes);
    return { name: metadata.name, url: `models/${encodeURIComponent(basename(path))}`, bytes: bytes.length };
  } catch (error) {
    throw isExpected(error) ? new UserError(`${path}: ${messageOf(error)}`) : error;
  }
}

function answer(
  files: ReadonlyMap<string, Served>,
  headers: Readonly<Record<string, string>>,
  { method, url = "/" }: IncomingMessage,
  response: ServerResponse,
): void {
  const send = (status: number, type: string, body: Uint8Array | string, more = {}) => {
    const length = Buffer.byteLength(body);
    response.writeHead(status, { ...headers, "content-type": type, "content-length": length, ...more });
    response.end(method === "HEAD" ? undefined : body);
  };
  const text = "text/plain; charset=utf-8";
  if (method !== "GET" && method !== "HEAD") {
    send(405, text, "only GET and HEAD\n", { allow: "GET, HEAD" });
    return;
  }
  const file = files.get(pathOf(url));
  if (!file) {
    send(404, text, "there is nothing here\n");
    return;
  }
  try {
    send(200, file.type, file.read());
  } catch (error) {
    writeError(`attendseg: ${messageOf(error)}\n`);
    send(500, text, "the file cannot be read any more\n");
  }
}

/** The path of a request, decoded; of one that makes no sense a path that does not exist. */
function pathOf(url: string): string {
  try {
    return decodeURIComponent(url.split(/[?#]/)[0]!);
  } catch {
    return "";
  }
}

function listenError(error: Error, { host, port }: ServeOptions): Error {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return new UserError(
        `port ${port} of ${host} is taken: choose another with --port, 0 for any free one`,
      );
    case "EACCES":
      return new UserError(`port ${port} may not be used: choose one above 1023 with --port`);
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new UserError(`${host} is no address of this machine: choose another with --host`);
    default:
      return error;
  }
}
