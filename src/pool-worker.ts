/** The script of the workers of SegmenterPool. */
import { parentPort } from "node:worker_threads";
import type { Endpoint } from "./browser/protocol.js";
import { serveSegmenter } from "./browser/serve.js";

serveSegmenter(parentPort as unknown as Endpoint);
parentPort!.start();
