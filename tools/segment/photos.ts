/** The photos that a command line means: files, folders with all below them, and patterns such as "a/**\/*.jpg". */
import { realpathSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { globSync } from "tinyglobby";
import { UsageError } from "../common/errors.js";
import { STANDARD, stem } from "../common/files.js";

/** A photo to segment, or a word that led to none. */
export interface Photo {
  /** As given, or as found in a folder. */
  readonly path: string;
  /** Its results are NAME.mask.png and NAME.overlay.png; of a photo found in a folder, with the folders below it. */
  readonly name: string;
  /** Why there is nothing to read. */
  readonly error?: string;
}

const PICTURE = /\.(png|jpe?g)$/i;
const RESULT = /\.(mask|overlay)\.png$/i;
const MAGIC = /[*?[\]{}]/;

/**
 * All photos in the order of the words, those of a folder sorted by code unit. Results of earlier runs are not photos.
 *
 * @throws UsageError if the results of two photos would have the same name
 */
export function findPhotos(words: readonly string[]): Photo[] {
  const photos = words.flatMap(expand);
  const seen = new Map<string, string>();
  for (const { name, path, error } of photos) {
    if (error !== undefined) continue;
    const other = seen.get(name);
    if (other !== undefined) {
      throw new UsageError(`${other} and ${path} would both be written as ${name}.mask.png`);
    }
    seen.set(name, path);
  }
  return photos;
}

function expand(word: string): Photo[] {
  if (word === STANDARD) return [{ path: word, name: "stdin" }];
  const file = statSync(word, { throwIfNoEntry: false });
  if (file?.isDirectory()) return search(word, word, "**", "there are no PNG or JPEG files");
  if (file || !MAGIC.test(word)) return [{ path: word, name: stem(word) }];
  const parts = word.split("/");
  const first = parts.findIndex((part) => MAGIC.test(part));
  const folder = parts.slice(0, first).join("/") || (first > 0 ? "/" : "");
  return search(word, folder, parts.slice(first).join("/"), "no PNG or JPEG file has such a name");
}

/** Photos below a folder that match a pattern; one that links lead to again is taken once, by its shortest path. */
function search(word: string, folder: string, pattern: string, nothing: string): Photo[] {
  const found = globSync(pattern, { cwd: folder || ".", expandDirectories: false })
    .filter((path) => PICTURE.test(path) && !RESULT.test(path))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  const places = new Map<string, string>();
  for (const path of found) {
    const place = realPath(join(folder, path));
    if (!places.has(place)) places.set(place, path);
  }
  const paths = [...places.values()].sort();
  if (paths.length === 0) return [{ path: word, name: "", error: `${word}: ${nothing}` }];
  return paths.map((path) => ({
    path: join(folder, path),
    name: path.slice(0, path.length - extname(path).length),
  }));
}

/** Where a path leads, or itself where it leads nowhere. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
