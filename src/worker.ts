/** The script of AsyncSegmenter's worker: `new Worker(url, { type: "module" })`. */
import type { Endpoint } from "./browser/protocol.js";
import { serveSegmenter } from "./browser/serve.js";

serveSegmenter(globalThis as unknown as Endpoint);
