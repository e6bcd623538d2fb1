/** The demo page as a folder of files, which any file host serves, below any path. */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { parseModel } from "../../src/model.js";
import { isExpected, messageOf, UsageError, UserError } from "../common/errors.js";
import { isFile, listFolder, makeFolder, readBytes, writeBytes } from "../common/files.js";

const MANIFEST = {
  name: "attendseg",
  description: "Segments photos, videos and the camera, in the browser alone",
  start_url: "./",
  display: "standalone",
  background_color: "#ffffff",
  icons: [{ src: "icon.svg", sizes: "any", type: "image/svg+xml" }],
};

/**
 * The files of a site by their paths, all relative to each other.
 *
 * @param page folder of the built page
 * @param models paths of model files; the first is what the page begins with
 * @throws UserError if the page or a model is missing or damaged, UsageError if two models have one name
 */
export function makeSite(page: string, models: readonly string[]): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const name of listFolder(page)) {
    const path = join(page, name);
    if (isFile(path)) files.set(name, readBytes(path));
  }
  const index = files.get("index.html");
  if (!index) throw new UserError(`${page}: there is no page here; build it with npm run build`);
  const link = '<link rel="manifest" href="manifest.webmanifest">';
  files.set("index.html", encode(Buffer.from(index).toString().replace("</title>", `</title>\n    ${link}`)));
  files.set("manifest.webmanifest", encode(JSON.stringify(MANIFEST, null, 2)));
  const list = models.map((path) => {
    const bytes = readBytes(path);
    const address = `models/${basename(path)}`;
    if (files.has(address)) throw new UsageError(`two models are called ${basename(path)}`);
    files.set(address, bytes);
    return {
      name: nameOf(path, bytes),
      url: `models/${encodeURIComponent(basename(path))}`,
      bytes: bytes.length,
    };
  });
  files.set("models.json", encode(JSON.stringify(list, null, 2)));
  files.set("service-worker.js", encode(serviceWorker(files)));
  return files;
}

/**
 * Writes a site.
 *
 * @returns the paths written, relative to the folder
 * @throws as `makeSite`, UserError if a file cannot be written
 */
export function writeSite(page: string, models: readonly string[], folder: string): string[] {
  const files = makeSite(page, models);
  makeFolder(join(folder, "models"));
  for (const [path, bytes] of files) writeBytes(join(folder, path), bytes);
  return [...files.keys()];
}

const encode = (text: string) => new TextEncoder().encode(`${text}\n`);

function nameOf(path: string, bytes: Uint8Array): string {
  try {
    return parseModel(bytes).metadata.name;
  } catch (error) {
    throw isExpected(error) ? new UserError(`${path}: ${messageOf(error)}`) : error;
  }
}

/** Keeps every file of the site for later visits without a network, and all of them anew once one has changed. */
function serviceWorker(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash("sha256");
  for (const [path, bytes] of files) hash.update(path).update(bytes);
  const paths = ["./", ...files.keys()].map((path) => encodeURI(path));
  return `const NAME = "attendseg-page-${hash.digest("hex").slice(0, 16)}";
const FILES = ${JSON.stringify(paths)};
addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES)).then(() => skipWaiting()));
});
addEventListener("activate", (event) => {
  const isOld = (name) => name.startsWith("attendseg-page-") && name !== NAME;
  const clean = async () => Promise.all((await caches.keys()).filter(isOld).map((name) => caches.delete(name)));
  event.waitUntil(clean().then(() => clients.claim()));
});
addEventListener("fetch", (event) => {
  const find = async () => (await (await caches.open(NAME)).match(event.request)) ?? fetch(event.request);
  if (event.request.method === "GET") event.respondWith(find());
});`;
}
