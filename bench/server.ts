/** A server of one folder for this machine only, with the headers that threads need. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "max-age=3600",
};

/**
 * Serves a folder on 127.0.0.1.
 *
 * @param onFile told the path of every file that was asked for, as in the address
 * @param port 0 for any free one
 */
export async function serve(folder: string, onFile: (path: string) => void, port = 0) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    const file = join(folder, normalize(decodeURIComponent(path)));
    try {
      const bytes = await readFile(file);
      onFile(path);
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { ...HEADERS, "Content-Type": type, "Content-Length": bytes.length });
      response.end(bytes);
    } catch {
      response.writeHead(404, HEADERS).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
