/** The images that a command line means: files, folders with all below them, and patterns such as "a/**\/*.jpg". */
import { realpathSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { globSync } from "tinyglobby";
import { UsageError, UserError } from "../common/errors.js";
import { STANDARD, stem } from "../common/files.js";
import { IMAGE_NAME } from "../image/index.js";
import { readMark } from "./marks.js";

/** An image file to segment, or a word that led to none. */
export interface ImageFile {
  /** As given, or as found in a folder. */
  readonly path: string;
  /** Its results are NAME.mask.png and so on; of an image found in a folder, with the folders below it. */
  readonly name: string;
  /** Why there is nothing to read. */
  readonly error?: UserError;
}

/** What a command line means. */
export interface Found {
  readonly files: readonly ImageFile[];
  /** How many files were left out, by what they are. */
  readonly leftOut: ReadonlyMap<string, number>;
}

const RESULT_NAME = /\.(mask|overlay)\.png$/i;
const RESULT = "results of attendseg";
const MAGIC = /[*?[\]{}]/;

/**
 * All images in the order of the words, those of a folder sorted by code unit, without results of earlier runs. Images
 * whose results would have the same name keep their extension in it.
 *
 * @param words files, folders and patterns
 * @param listed files, whatever characters their names have
 * @throws UsageError if the results of two images would have the same name all the same
 */
export function findImages(words: readonly string[], listed: readonly string[] = []): Found {
  const leftOut = new Map<string, number>();
  const leave = (what: string): void => void leftOut.set(what, (leftOut.get(what) ?? 0) + 1);
  const given = (path: string): ImageFile[] => {
    if (readMark(path) === undefined) return [{ path, name: stem(path) }];
    leave(RESULT);
    return [];
  };
  const found = [...words.flatMap((word) => expand(word, given, leave)), ...listed.flatMap(given)];
  return { files: distinct(found), leftOut };
}

/** Gives images that would share a name their extensions, and refuses those that share it even so. */
function distinct(files: readonly ImageFile[]): ImageFile[] {
  const counts = new Map<string, number>();
  for (const { name, error } of files) if (!error) counts.set(name, (counts.get(name) ?? 0) + 1);
  const seen = new Map<string, string>();
  return files.map((file) => {
    if (file.error) return file;
    const name = counts.get(file.name)! > 1 ? file.name + extname(file.path) : file.name;
    const other = seen.get(name);
    if (other !== undefined) {
      throw new UsageError(`${other} and ${file.path} would both be written as ${name}.mask.png`);
    }
    seen.set(name, file.path);
    return { ...file, name };
  });
}

type Leave = (what: string) => void;

function expand(word: string, given: (path: string) => ImageFile[], leave: Leave): ImageFile[] {
  if (word === STANDARD) return [{ path: word, name: "stdin" }];
  const file = statSync(word, { throwIfNoEntry: false });
  if (file?.isDirectory()) return search(word, word, "**", "there are no images", leave);
  if (file || !MAGIC.test(word)) return given(word);
  const parts = word.split("/");
  const first = parts.findIndex((part) => MAGIC.test(part));
  const folder = parts.slice(0, first).join("/") || (first > 0 ? "/" : "");
  return search(word, folder, parts.slice(first).join("/"), "no image has such a name", leave);
}

/** Images below a folder that match a pattern; one that links lead to again is taken once, by its shortest path. */
function search(word: string, folder: string, pattern: string, nothing: string, leave: Leave): ImageFile[] {
  const options = { cwd: folder || ".", expandDirectories: false };
  const hidden = pattern === "**" ? globSync("**/.*", options) : [];
  const found = globSync(pattern, options).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  const places = new Set<string>();
  const paths: string[] = [];
  for (const path of [...hidden.filter((path) => IMAGE_NAME.test(path)), ...found]) {
    const place = realPath(join(folder, path));
    if (places.has(place)) continue;
    places.add(place);
    const what = basename(path).startsWith(".") && pattern === "**" ? "hidden" : whatElse(place, path);
    if (what === undefined) paths.push(path);
    else leave(what);
  }
  paths.sort();
  if (paths.length === 0) return [{ path: word, name: "", error: new UserError(`${word}: ${nothing}`) }];
  return paths.map((path) => ({
    path: join(folder, path),
    name: path.slice(0, path.length - extname(path).length),
  }));
}

/** What a file is that is no image to segment. */
function whatElse(place: string, path: string): string | undefined {
  if (!IMAGE_NAME.test(path)) {
    const extension = extname(path).slice(1).toUpperCase();
    return extension === "" ? `called ${basename(path)}` : extension;
  }
  return RESULT_NAME.test(path) || readMark(place) !== undefined ? RESULT : undefined;
}

/** Where a path leads, or itself where it leads nowhere. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** What was left out, in one line: "4 files skipped: 2 results of attendseg, 2 TXT". */
export function describeLeftOut(leftOut: Found["leftOut"]): string {
  const counts = [...leftOut].sort(([, a], [, b]) => b - a);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const list = counts.map(([what, count]) => `${count} ${what}`).join(", ");
  return `${total} ${total === 1 ? "file" : "files"} skipped: ${list}`;
}
